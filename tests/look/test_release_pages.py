"""The pages of releases and licences in a real browser: accessible, fitting, alive while an import runs."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.licensing import actions as licensing
from portal.releases import actions, importing
from portal.releases.models import ImportStatus, Release, WeightImport
from tests import cast
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DOOR = "/hub/open-weights/tiny/resolve/main/config.json"


@pytest.fixture
def weights(tmp_path: Path, settings: Any) -> Path:
    settings.WEIGHTS_ROOT = tmp_path / "store"
    settings.WEIGHTS_IMPORT_ROOTS = [tmp_path]
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "tiny"}')
    (folder / ("a-rather-long-name-of-a-shard-" * 3 + "00001-of-00002.safetensors")).write_bytes(
        cast.safetensors(5000)
    )
    return folder


@pytest.fixture
def tiny(db: None, weights: Path) -> Release:
    made = cast.release()
    made.description = "# Tiny\n\nA model.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    made.save()
    cast.programme(made)
    work = actions.request_import(made, source=str(weights), by=None, dispatch=False)
    importing.run(work.pk)
    newer = licensing.draft_version(made.licence, number="1.1", text="# Text\n\nNew.", changes="It is new.")
    licensing.publish_version(newer, by=None)
    licensing.draft_version(made.licence, number="2.0", text="# Text\n\nNewer still.")
    return made


@pytest.mark.parametrize("path", ["/releases/", "/releases/tiny/", "/licences/licence-of-tiny/", DOOR])
def test_visitor_opens_page_and_it_is_accessible_and_fits(page: Page, tiny: Release, path: str) -> None:
    look_at(page, path)


@pytest.mark.parametrize(
    "path", ["/releases/tiny/", "/licences/licence-of-tiny/", "/licences/licence-of-tiny/1.0/"]
)
def test_developer_opens_page_and_it_is_accessible_and_fits(
    page: Page, enter: Any, tiny: Release, path: str
) -> None:
    enter(page, cast.developer("ada@example.org", tiny))

    look_at(page, path)


@pytest.mark.parametrize(
    "path",
    [
        "/console/releases/",
        "/console/releases/new/",
        "/console/releases/tiny/",
        "/console/releases/tiny/withdraw/",
        "/console/licences/",
        "/console/licences/new/",
        "/console/licences/licence-of-tiny/",
        "/console/licences/licence-of-tiny/draft/",
        "/console/licences/licence-of-tiny/2.0/",
        "/console/licences/licence-of-tiny/2.0/publish/",
    ],
)
def test_manager_opens_page_and_it_is_accessible_and_fits(
    page: Page, enter: Any, tiny: Release, path: str
) -> None:
    enter(page, cast.staff("remy@example.org", "Release managers"))

    look_at(page, path)


def test_developer_reads_accepts_and_goes_on(page: Page, enter: Any, tiny: Release) -> None:
    enter(page, cast.person("ada@example.org"))
    page.goto("/licences/licence-of-tiny/?next=/releases/tiny/")
    expect(page.get_by_label("I have read this licence")).not_to_be_checked()

    page.get_by_label("I have read this licence").check()
    page.get_by_role("button", name="Accept the licence").click()

    expect(page.get_by_text("You accepted version 1.1 on")).to_be_visible()
    page.get_by_role("link", name="Go on").click()
    expect(page).to_have_url("/releases/tiny/")


def test_manager_follows_an_import_to_its_end_without_reloading(
    page: Page, enter: Any, tiny: Release, weights: Path
) -> None:
    (weights / "config.json").write_text("{}")
    enter(page, cast.staff("remy@example.org", "Release managers"))
    page.goto("/console/releases/tiny/")

    page.get_by_label("Source").fill(str(weights))
    page.get_by_role("button", name="Start the import").click()

    expect(page.locator("#import-progress")).to_contain_text("Waiting for a worker")
    rows = WeightImport.objects.filter(status=ImportStatus.QUEUED)
    rows.update(status=ImportStatus.RUNNING, current_path="config.json", done_bytes=1, total_bytes=4)
    expect(page.locator("#import-progress")).to_contain_text("25 %")
    WeightImport.objects.filter(status=ImportStatus.RUNNING).update(status=ImportStatus.QUEUED)
    importing.run(tiny.imports.first().pk)
    expect(page.locator("#import-progress")).to_have_count(0)
    expect(page.get_by_text("Superseded")).to_be_visible()


def test_manager_sees_a_failed_import_beside_a_running_one(
    page: Page, enter: Any, tiny: Release, weights: Path
) -> None:
    (weights / "bad.safetensors").write_bytes(cast.safetensors(5000)[:-5])
    importing.run(actions.request_import(tiny, source=str(weights), by=None, dispatch=False).pk)
    enter(page, cast.staff("remy@example.org", "Release managers"))
    look_at(page, "/console/releases/tiny/")
    expect(page.get_by_text("bad.safetensors is cut short by 5 bytes.")).to_be_visible()
    expect(page.get_by_role("button", name="Start again")).to_be_visible()

    source = "s3://checkpoints/" + "a-rather-long-prefix-" * 5
    running = actions.request_import(tiny, source=source, by=None, dispatch=False)
    paths = "\n".join(f"model-0000{number}-of-00032.safetensors" for number in range(4))
    WeightImport.objects.filter(pk=running.pk).update(
        status=ImportStatus.RUNNING, current_path=paths, done_bytes=5 * 10**9, total_bytes=16 * 10**9
    )

    look_at(page, "/console/releases/tiny/")
    expect(page.locator("#import-progress")).to_contain_text("model-00003-of-00032.safetensors")
    expect(page.get_by_role("button", name="Start again")).to_have_count(0)
