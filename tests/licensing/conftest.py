"""Fixtures of the tests of licences."""

from datetime import UTC, datetime

import pytest

from portal.licensing import actions

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def keys(tmp_path, settings):
    """A folder of the test's own for the keys that sign receipts."""
    settings.STATEMENT_KEYS = tmp_path / "statements"
    return settings.STATEMENT_KEYS


@pytest.fixture
def publish():
    """Publish one more version of a licence by its number, with any terms."""

    def make(licence, number, *, at=None, text="", **terms):
        draft = actions.draft_version(licence, number=number, text=text or f"# Licence {number}", **terms)
        return actions.publish_version(draft, by=None, at=at)

    return make
