"""The staff's pages of integrity: alerts about damaged files, checking them again, yanking revisions."""

import pytest

from portal.celery import app
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases import actions, importing, scrubbing
from portal.releases.models import Blob, Revision, stored_at
from portal.releases.yanking import yank
from tests import cast
from tests.conftest import signed_in

PAGE = "/console/releases/tiny/"
WEIGHTS = b"weights" * 1000


@pytest.fixture
def directory(tmp_path, settings):
    settings.WEIGHTS_ROOT = tmp_path / "store"
    root = tmp_path / "model"
    root.mkdir()
    (root / "config.json").write_text("{}")
    (root / "vocab.txt").write_bytes(WEIGHTS)
    return root


@pytest.fixture
def freeze(release, directory):
    def run(text: str) -> Revision:
        (directory / "config.json").write_text(f'{{"model_type": "{text}"}}')
        work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
        importing.run(work.pk)
        work.refresh_from_db()
        return work.revision

    return run


@pytest.fixture
def remy(db):
    return cast.staff("remy@example.org", "Release managers")


@pytest.fixture
def as_remy(remy):
    return signed_in(remy)


@pytest.fixture
def damaged(freeze) -> Blob:
    """The larger of two files, cut short on the disk and found out."""
    blob = Blob.objects.get(pk=freeze("one").files.get(path="vocab.txt").sha256)
    stored_at(blob.sha256).chmod(0o644)
    stored_at(blob.sha256).write_bytes(b"short")
    scrubbing.check(blob)
    return blob


@pytest.fixture
def _tasks_run_at_once():
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def check_address(blob: Blob) -> str:
    return f"{PAGE}stored/{blob.sha256}/check/"


def words(response) -> str:
    return " ".join(response.content.decode().split())


def test_remy_is_alerted_on_both_pages_and_rosa_is_not(as_remy, as_rosa, damaged):
    console, page = words(as_remy.get("/console/")), words(as_remy.get(PAGE))

    assert "1 weight file is damaged and out of service." in console
    assert '<a href="/console/releases/tiny/">Tiny</a>' in console
    assert "1 stored file is out of service" in page
    assert "It has 5 bytes in place of 7,000." in page
    assert f'action="{check_address(damaged)}"' in page
    assert "damaged and out of service" not in words(as_rosa.get("/console/"))


def test_remy_sees_no_alert_while_all_is_whole(as_remy, freeze):
    freeze("one")

    assert "out of service" not in words(as_remy.get("/console/"))
    assert "out of service" not in words(as_remy.get(PAGE))


@pytest.mark.usefixtures("_tasks_run_at_once")
def test_remy_has_a_mended_file_checked_and_it_is_in_service_again(as_remy, remy, damaged):
    still = words(as_remy.post(check_address(damaged), follow=True))
    stored_at(damaged.sha256).write_bytes(WEIGHTS)

    mended = words(as_remy.post(check_address(damaged), follow=True))

    assert "1 stored file is out of service" in still
    assert "out of service" not in mended
    entry = Entry.objects.get(verb=Verb.BLOB_RESTORED)
    assert (entry.actor_label, entry.address) == ("remy@example.org", "127.0.0.1")


def test_mallory_rosa_and_strangers_can_neither_check_nor_yank(as_mallory, as_rosa, client, damaged):
    revision = Revision.objects.get()
    yank_address = f"{PAGE}revisions/{revision.commit}/yank/"

    for browser, status in ((as_mallory, 403), (as_rosa, 403), (client, 302)):
        assert browser.post(check_address(damaged)).status_code == status
        assert browser.get(yank_address).status_code == status
        assert browser.post(yank_address, {"reason": "x"}).status_code == status
    revision.refresh_from_db()
    assert revision.yanked_at is None


def test_remy_cannot_reach_another_releases_files_through_this_one(as_remy, damaged):
    cast.release("other")

    assert as_remy.post(f"/console/releases/other/stored/{damaged.sha256}/check/").status_code == 404
    commit = Revision.objects.get().commit
    assert as_remy.get(f"/console/releases/other/revisions/{commit}/yank/").status_code == 404


def test_remy_yanks_a_revision_after_reading_what_follows(as_remy, freeze):
    first, second = freeze("one"), freeze("two")
    address = f"{PAGE}revisions/{second.commit}/yank/"

    asked = words(as_remy.get(address))
    nothing_said = as_remy.post(address, {"reason": " "})
    done = words(as_remy.post(address, {"reason": "It leaks."}, follow=True))
    again = as_remy.post(address, {"reason": "It leaks."})

    assert f"becomes <code>{first.commit[:12]}</code> again" in asked
    assert (nothing_said.status_code, again.status_code) == (422, 409)
    assert "Say why, and what to use instead" in words(nothing_said)
    assert f"{second.commit[:12]} is yanked. “main” is {first.commit[:12]} again." in done
    assert "It leaks." in done
    assert Entry.objects.get(verb=Verb.REVISION_YANKED).actor_label == "remy@example.org"


def test_remy_is_told_that_the_only_revision_stays(as_remy, freeze):
    only = freeze("one")
    address = f"{PAGE}revisions/{only.commit}/yank/"

    asked = words(as_remy.get(address))
    done = words(as_remy.post(address, {"reason": "It leaks."}, follow=True))

    assert "There is no other revision to fall back to" in asked
    assert "It stays “main” until you import its successor." in done
    assert "It was yanked on" in words(as_remy.get(address))


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_with_one_revision_and_with_three(
    as_remy, freeze, count, django_assert_max_num_queries
):
    for number in range(count):
        freeze(f"number {number}")
    yank(Revision.objects.order_by("pk").first(), reason="Wrong.", by=None)
    as_remy.get(PAGE)

    with django_assert_max_num_queries(12):
        as_remy.get(PAGE)
