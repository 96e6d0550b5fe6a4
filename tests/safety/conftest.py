"""A release with weights, evaluated and signed for under a policy that demands both."""

import pytest

from portal.accounts.models import User
from portal.releases.models import Release, ReleaseStatus, Revision
from tests import cast
from tests.safety import cleared


@pytest.fixture
def olga(db) -> User:
    """A safety officer."""
    return cast.staff("olga@example.org", cleared.OFFICER)


@pytest.fixture
def remy(db) -> User:
    """A release manager."""
    return cast.staff("remy@example.org", cleared.MANAGER)


@pytest.fixture
def draft(db) -> Release:
    """A release in evaluation, under a policy that demands an evaluation and two people."""
    made = cast.release("falcon", status=ReleaseStatus.EVALUATING)
    cast.policy(cleared.TERMS)
    return made


@pytest.fixture
def revision(draft: Release) -> Revision:
    """Its weights."""
    return cleared.freeze(draft)


@pytest.fixture
def signed(draft: Release, revision: Revision, olga: User, remy: User) -> Release:
    """The same, evaluated well and signed for."""
    cleared.evaluate(revision)
    cleared.sign(revision, olga, remy)
    return draft
