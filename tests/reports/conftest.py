"""The people and things that the tests of reports are about."""

from uuid import uuid4

import pytest

from playground import actions as playground
from playground.actions import Outcome
from playground.models import Generation
from playground.reporting import actions
from playground.reporting.actions import Told
from playground.reporting.models import Category, Report, Severity
from portal.accounts.models import User
from portal.releases.models import Release, Revision
from tests import cast
from tests.conftest import signed_in
from tests.evaluations.conftest import upstream_url  # noqa: F401 - a fixture
from tests.playground.conftest import wish

SECRET = "how the cupboard is opened"


def told(**changes) -> Told:
    usual = {"category": Category.WEAPONS, "severity": Severity.HIGH, "description": "It told me how."}
    return Told(**{**usual, "token": uuid4(), **changes})


def posted(**changes) -> dict:
    """What a browser sends of either form."""
    usual = {"category": "weapons", "severity": "3", "description": "It told me how.", "token": str(uuid4())}
    return usual | changes


def answered(
    by: User, release: Release, prompt: str = SECRET, text: str = "First, ", **changes
) -> Generation:
    """An ended answer of somebody's."""
    asked = playground.send(wish(prompt, **changes), by=by, release=release)
    playground.finish(playground.begin(asked.pk), Outcome(text=text, finish_reason="stop"))
    return Generation.objects.with_story().get(pk=asked.pk)


def revision(release: Release, commit: str, *, name: str = "main", **others) -> Revision:
    """A revision that is current under its name, instead of the one before."""
    release.revisions.filter(name=name).update(is_current=False)
    return Revision.objects.create(release=release, name=name, commit=commit, total_bytes=1, **others)


@pytest.fixture(autouse=True)
def _keys_of_its_own(settings, tmp_path) -> None:
    settings.STATEMENT_KEYS = tmp_path / "statements"


@pytest.fixture
def seen(release) -> Revision:
    """The revision that answers at first."""
    return revision(release, "a" * 40)


@pytest.fixture
def answer(ada, release, seen) -> Generation:
    """An answer of Ada's with everything that a report may copy."""
    return answered(ada, release, system_prompt="Be a locksmith.", seed=7)


@pytest.fixture
def report(ada, answer) -> Report:
    """Ada's report of it, which lets staff read it."""
    return actions.report_answer(answer, told(), may_read=True, by=ada)


@pytest.fixture
def accepted(report, tess) -> Report:
    """The same, found to be so."""
    return actions.accept(report, by=tess)


@pytest.fixture
def tess(db) -> User:
    """A safety officer."""
    return cast.staff("tess@example.org", "Safety officers")


@pytest.fixture
def as_tess(tess):
    """A browser in which Tess is signed in."""
    return signed_in(tess)
