"""The pages of signatures, damaged files and yanked revisions in a real browser."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from portal.releases import actions, importing, scrubbing, signing, signing_keys
from portal.releases.models import Blob, Release, Revision, stored_at
from portal.releases.yanking import yank
from tests import cast
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SHARD = "a-rather-long-name-of-a-shard-" * 3 + "00001-of-00002.txt"


@pytest.fixture
def tiny(db: None, tmp_path: Path, settings: Any) -> Release:
    """A signed and yanked revision, and an unsigned current one with a damaged file."""
    settings.WEIGHTS_ROOT = tmp_path / "store"
    settings.SIGNING_KEY_FILE = tmp_path / "signing.pem"
    signing_keys.create_key(settings.SIGNING_KEY_FILE)
    made = cast.release()
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / SHARD).write_bytes(bytes(5000))
    for text in ("one", "two"):
        (folder / "config.json").write_text(f'{{"model_type": "{text}"}}')
        work = actions.request_import(made, source=str(folder), by=None, dispatch=False)
        importing.run(work.pk)
    first = Revision.objects.order_by("pk")[0]
    signing.sign(first)
    yank(first, reason="It repeats parts of its training data word by word. Use the newer one.", by=None)
    blob = Blob.objects.get(pk=first.files.get(path=SHARD).sha256)
    stored_at(blob.sha256).unlink()
    scrubbing.check(blob)
    return made


def test_visitor_reads_how_to_verify_and_it_is_accessible_and_fits(page: Page, tiny: Release) -> None:
    signing.sign(Revision.objects.get(is_current=True))

    look_at(page, "/releases/tiny/")


@pytest.mark.parametrize(
    "path", ["/console/", "/console/releases/tiny/", "/console/releases/tiny/revisions/{}/yank/"]
)
def test_manager_reads_of_damage_and_it_is_accessible_and_fits(
    page: Page, enter: Any, tiny: Release, path: str
) -> None:
    enter(page, cast.staff("remy@example.org", "Release managers"))

    look_at(page, path.format(Revision.objects.get(is_current=True).commit))
