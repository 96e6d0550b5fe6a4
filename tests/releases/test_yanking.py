"""Yanking: nobody is led to the revision any more, and who has it may fetch it again."""

import pytest
from django.db import DatabaseError, transaction

from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases import actions, importing
from portal.releases.models import ImportStatus, Revision
from portal.releases.yanking import yank


@pytest.fixture
def freeze(release, directory):
    """Freeze one more revision, different from all before."""

    def run(text: str, name: str = "main") -> Revision:
        (directory / "config.json").write_text(f'{{"model_type": "{text}"}}')
        work = actions.request_import(
            release, source=str(directory), revision_name=name, by=None, dispatch=False
        )
        importing.run(work.pk)
        work.refresh_from_db()
        assert work.status == ImportStatus.DONE, work.error
        return work.revision

    return run


def test_remy_yanks_the_current_revision_and_the_one_before_is_current_again(release, freeze, remy):
    first, second, third = freeze("one"), freeze("two"), freeze("three")
    yank(second, reason="Wrong.", by=remy)

    instead = yank(third, reason="  It leaks\nits training data. ", by=remy, address="192.0.2.1")

    entry = Entry.objects.filter(verb=Verb.REVISION_YANKED).last()
    assert (instead, release.current_revision()) == (first, first)
    assert (third.yank_reason, third.is_current) == ("It leaks its training data.", False)
    assert (entry.actor_label, entry.address) == ("remy@example.org", "192.0.2.1")
    assert entry.data == {
        "commit": third.commit,
        "revision": "main",
        "reason": "It leaks its training data.",
        "was_current": True,
        "current_instead": first.commit,
    }


def test_the_only_revision_stays_current_when_it_is_yanked(release, freeze):
    only, other = freeze("one"), freeze("two", name="other")

    assert yank(only, reason="Wrong.", by=None) is None

    only.refresh_from_db()
    assert only.is_current
    assert only.yanked_at is not None
    assert other.yanked_at is None


def test_an_older_revision_is_yanked_and_the_current_one_stays(release, freeze):
    old, current = freeze("one"), freeze("two")

    assert yank(old, reason="Wrong.", by=None) is None

    assert release.current_revision() == current


def test_a_revision_that_comes_after_a_yanked_one_is_current(release, freeze):
    yank(freeze("one"), reason="Wrong.", by=None)

    mended = freeze("two")

    assert release.current_revision() == mended


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("", "no_reason"),
        (" \n", "no_reason"),
        ("x" * 501, "long_reason"),
    ],
)
def test_a_yank_without_a_reason_that_people_can_read_is_refused(freeze, reason, code):
    revision = freeze("one")

    with pytest.raises(Refusal) as refused:
        yank(revision, reason=reason, by=None)

    assert refused.value.code == code
    assert Revision.objects.get().yanked_at is None


def test_a_revision_is_yanked_once(freeze):
    revision = freeze("one")
    yank(revision, reason="Wrong.", by=None)

    with pytest.raises(Refusal, match="has been yanked already"):
        yank(revision, reason="Another reason.", by=None)

    assert Entry.objects.filter(verb=Verb.REVISION_YANKED).count() == 1


@pytest.mark.parametrize("changes", [{"yanked_at": None, "yank_reason": ""}, {"yank_reason": "Another."}])
def test_postgresql_keeps_a_yank_and_its_reason(freeze, changes):
    yank(freeze("one"), reason="Wrong.", by=None)

    with pytest.raises(DatabaseError, match="A yanked revision stays yanked"), transaction.atomic():
        Revision.objects.update(**changes)


def test_importing_yanked_files_again_is_refused_with_the_reason(release, directory, freeze):
    yank(freeze("one"), reason="It leaks.", by=None)
    freeze("two")
    (directory / "config.json").write_text('{"model_type": "one"}')

    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)

    work.refresh_from_db()
    assert work.error == "These very files were yanked and stay yanked. The reason: It leaks."
