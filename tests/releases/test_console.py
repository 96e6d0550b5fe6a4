"""The staff's pages of releases: making one, moving it on, and importing weights from the server."""

import pytest

from portal.ledger.models import Entry
from portal.licensing.models import Licence
from portal.releases import actions, importing
from portal.releases.models import ImportStatus, Release, ReleaseStatus, WeightImport
from tests import cast
from tests.conftest import signed_in

HTMX = {"HX-Request": "true"}
PAGE = "/console/releases/tiny/"


@pytest.fixture
def manager(remy):
    return signed_in(remy)


@pytest.fixture
def draft(release):
    Release.objects.update(status=ReleaseStatus.DRAFT)
    release.refresh_from_db()
    return release


def form(**changes):
    return {
        "name": "Tiny", "slug": "tiny", "hub_id": "open-weights/tiny", "summary": "Small.", "description": "",
        "stage": "prototype", "licence": Licence.objects.get().pk, "context_length": "2048",
    } | changes  # fmt: skip


def test_remy_makes_a_release_and_takes_it_all_the_way(manager, remy):
    cast.policy()
    cast.licence()

    made = manager.post("/console/releases/new/", form(), follow=True)
    for step in ("evaluate", "clear", "open"):
        assert b"Leave it as it is" in manager.get(f"{PAGE}{step}/").content
        manager.post(f"{PAGE}{step}/")
    gone = manager.post(f"{PAGE}withdraw/", {"reason": "It was wrong."}, follow=True)

    assert b"Tiny is a draft. Import its weights next." in made.content
    assert b"Withdrawn because: It was wrong." in gone.content
    assert Release.objects.get().status == ReleaseStatus.WITHDRAWN
    actors = set(Entry.objects.about(Release.objects.get()).values_list("actor_label", "address"))
    assert actors == {("remy@example.org", "127.0.0.1")}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hub_id": "tiny"}, "Write it as organisation/model."),
        ({"slug": "new"}, "is the address of another page"),
        ({"backend_url": "not a url"}, "Enter a valid URL."),
    ],
)
def test_a_wrong_form_says_what_is_wrong(manager, changes, sentence):
    cast.licence()

    response = manager.post("/console/releases/new/", form(**changes))

    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Release.objects.exists()


def test_a_step_that_somebody_else_took_already_is_not_taken_twice(manager, draft):
    manager.post(f"{PAGE}evaluate/")

    again = manager.post(f"{PAGE}evaluate/", follow=True)

    assert b"Tiny is evaluating by now." in again.content
    assert Entry.objects.filter(verb="release.evaluating").count() == 1


def test_a_release_cannot_be_opened_from_a_draft_by_typing_the_address(manager, draft):
    manager.post(f"{PAGE}open/")

    draft.refresh_from_db()
    assert draft.status == ReleaseStatus.DRAFT


def test_a_withdrawal_without_a_reason_asks_for_it(manager, release):
    response = manager.post(f"{PAGE}withdraw/", {"reason": " "})

    assert response.status_code == 422
    assert b"Say why, and what to use instead" in response.content
    release.refresh_from_db()
    assert release.status == ReleaseStatus.OPEN


def test_remy_imports_a_directory_and_watches_it(
    manager, release, directory, django_capture_on_commit_callbacks
):
    manager.post(f"{PAGE}imports/", {"source": str(directory), "revision_name": "main"})
    work = WeightImport.objects.get()
    waiting = manager.get(f"{PAGE}progress/", headers=HTMX)
    WeightImport.objects.update(
        status=ImportStatus.RUNNING, current_path="config.json\nb.json", done_bytes=1, total_bytes=4
    )
    running = manager.get(f"{PAGE}progress/", headers=HTMX)
    WeightImport.objects.update(status=ImportStatus.QUEUED)
    importing.run(work.pk)
    done = manager.get(f"{PAGE}progress/", headers=HTMX)

    assert b"Waiting for a worker" in waiting.content
    assert b'hx-trigger="load delay:1s"' in waiting.content
    assert b'value="25"' in running.content
    assert done["HX-Refresh"] == "true"
    assert release.current_revision().commit.encode() in manager.get(PAGE).content


def test_a_failed_import_shows_its_sentence(manager, release, directory):
    (directory / "model.bin").write_text("x")
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)

    assert b"model.bin is a pickle, which can run code" in manager.get(PAGE).content


@pytest.mark.parametrize("directory", ["/etc", "/", "{root}/../..", "relative", "{root}/out"])
def test_the_page_imports_from_below_its_roots_only(manager, release, tmp_path, settings, directory):
    root = tmp_path / "imports"
    root.mkdir()
    (root / "out").symlink_to("/etc")
    settings.WEIGHTS_IMPORT_ROOTS = [root]

    response = manager.post(
        f"{PAGE}imports/", {"source": directory.format(root=root), "revision_name": "main"}
    )

    assert response.status_code == 422
    assert "This page imports from below" in response.content.decode()
    assert not WeightImport.objects.exists()


@pytest.mark.parametrize(
    "address", ["/console/releases/", "/console/releases/new/", PAGE, f"{PAGE}open/", f"{PAGE}progress/"]
)
def test_mallory_a_reviewer_and_a_stranger_are_kept_out(as_mallory, as_rosa, client, release, address):
    assert as_mallory.get(address).status_code == 403
    assert as_rosa.get(address).status_code == 403
    assert client.get(address).status_code == 302


def test_mallory_cannot_import_or_withdraw(as_mallory, release):
    assert as_mallory.post(f"{PAGE}imports/", {"source": "/etc"}).status_code == 403
    assert as_mallory.post(f"{PAGE}withdraw/", {"reason": "x"}).status_code == 403
    release.refresh_from_db()
    assert release.status == ReleaseStatus.OPEN


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_with_one_release_and_with_three(
    manager, release, count, django_assert_max_num_queries
):
    for number in range(1, count):
        cast.release(f"tiny-{number}", under=release.licence)
    manager.get("/console/releases/")

    with django_assert_max_num_queries(6):
        manager.get("/console/releases/")


def test_the_page_says_what_a_running_import_reads(manager, release, directory):
    actions.request_import(release, source=str(directory), by=None, dispatch=False)
    WeightImport.objects.update(
        status=ImportStatus.RUNNING, current_path="a.safetensors\nb.json", done_bytes=1, total_bytes=4
    )

    page = manager.get(f"{PAGE}progress/", headers=HTMX).content.decode()

    assert '<code>a.safetensors</code></li><li class="text-break"><code>b.json</code>' in page
    assert f"Directory <code>{directory}</code>" in page


def test_remy_starts_a_failed_import_again_from_the_page(manager, release, directory):
    (directory / "model.bin").write_text("x")
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    (directory / "model.bin").unlink()
    page = manager.get(PAGE).content.decode()

    manager.post(f"{PAGE}imports/", {"source": str(directory), "revision_name": "main"})

    assert "Start again" in page
    assert f'<input type="hidden" name="source" value="{directory}">' in page
    importing.run(WeightImport.objects.latest("pk").pk)
    assert release.current_revision().files.count() == 3
    assert "Start again" not in manager.get(PAGE).content.decode()


def test_the_page_says_how_much_was_there_already(manager, release, directory):
    for text in (b"{}", b"[]"):
        (directory / "config.json").write_bytes(text)
        work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
        importing.run(work.pk)

    page = manager.get(PAGE).content.decode()

    assert page.count("of it were there already") == 1
    assert "1.0\xa0MB of it were there already and are stored once." in page


def test_the_page_flags_pickles_that_the_release_takes(manager, release, directory):
    Release.objects.update(allows_pickle=True)
    (directory / "model.bin").write_text("x")
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)

    assert "1 pickled" in manager.get(PAGE).content.decode()


@pytest.mark.parametrize(
    "source",
    [
        "s3://weights",
        "s3://weights/tinyish",
        "s3://other/tiny",
        "s3://weights/tiny/../secret",
        "s3://",
        "s3:///x",
    ],
)
def test_the_page_imports_from_its_buckets_only(manager, release, settings, source):
    settings.WEIGHTS_IMPORT_BUCKETS = ["s3://weights/tiny"]

    response = manager.post(f"{PAGE}imports/", {"source": source, "revision_name": "main"})

    assert response.status_code == 422
    assert not WeightImport.objects.exists()


@pytest.mark.parametrize("source", ["s3://weights/tiny", "s3://weights/tiny/", "s3://weights/tiny/v1"])
def test_the_page_takes_a_bucket_below_its_roots(manager, release, settings, source):
    settings.WEIGHTS_IMPORT_BUCKETS = ["s3://weights/tiny"]

    manager.post(f"{PAGE}imports/", {"source": source, "revision_name": "main"})

    work = WeightImport.objects.get()
    assert (work.kind, work.source) == ("bucket", source.rstrip("/"))
    assert "S3 bucket" in manager.get(PAGE).content.decode()
