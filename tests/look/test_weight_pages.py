"""The pages of weights in a real browser: files, links made and revoked, and what was downloaded."""

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.accounts.models import User
from portal.hub import links
from portal.hub.models import Download, DownloadLink
from portal.keys import actions as keys
from portal.keys.models import Scope
from portal.releases.models import Blob, Release, Revision, WeightFile
from tests import cast
from tests.look.checks import PHONE, assert_accessible, assert_fits
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SHARD_BYTES = 4_976_698_672
OLD, NEW = "0" * 40, "c" * 40


@pytest.fixture
def tiny(db: None) -> Release:
    """A release with a yanked revision, and a current one with every kind of file."""
    made = cast.release()
    made.description = "A small model for small machines."
    made.save()
    cast.programme(made)
    old = revision(made, OLD, {"config.json": 700, "model.safetensors": SHARD_BYTES})
    old.is_current, old.yanked_at, old.yank_reason = False, timezone.now(), "The tokenizer dropped accents."
    old.save(update_fields=["is_current", "yanked_at", "yank_reason"])
    shards = {f"model-0000{number}-of-00003.safetensors": SHARD_BYTES for number in (1, 2, 3)}
    new = revision(made, NEW, {"config.json": 704, "tokenizer.json": 17_209_920, **shards})
    WeightFile.objects.create(
        revision=new, path="original/a-rather-long-name-of-a-checkpoint-from-before.pt", size_bytes=5,
        sha256="e" * 64, git_oid="0" * 40, is_pickle=True,
    )  # fmt: skip
    broken = new.files.get(path__startswith="model-00002")
    Blob.objects.create(sha256=broken.sha256, size_bytes=broken.size_bytes, damaged_at=timezone.now())
    return made


@pytest.fixture
def ada(tiny: Release) -> User:
    """An approved developer with links, and downloads in every state."""
    made = cast.developer("ada@example.org", tiny)
    file = WeightFile.objects.get(path="tokenizer.json")
    link = links.create(file, by=made).link
    links.reserve(link, file.size_bytes * 3 // 2)
    key = keys.create(made, name="laptop", scopes=[Scope.WEIGHTS], by=made).key
    shard = WeightFile.objects.filter(path__startswith="model-00001").get()
    whole = {"asked_bytes": shard.size_bytes, "spans": [[0, shard.size_bytes - 1]]}
    part = {"asked_bytes": 20_000_000, "spans": [[0, 19_999_999]], "sent_bytes": 20_000_000}
    for facts in (
        {**whole, "sent_bytes": 3_000_000_000, "key": key},
        {**whole, "sent_bytes": shard.size_bytes, "key": key, "ended_at": timezone.now()},
        {**whole, "sent_bytes": 12_000_000, "link": link, "ended_at": timezone.now()},
        {**part, "key": key, "ended_at": timezone.now()},
        {
            **whole,
            "sent_bytes": 99_000_000,
            "ended_at": timezone.now(),
            "cut_reason": "Your approval for Early access was revoked.",
        },
    ):
        Download.objects.create(user=made, file=shard, **facts)
    return made


def revision(made: Release, commit: str, files: dict[str, int]) -> Revision:
    frozen = Revision.objects.create(release=made, commit=commit, total_bytes=sum(files.values()))
    WeightFile.objects.bulk_create(
        WeightFile(
            revision=frozen,
            path=path,
            size_bytes=size,
            sha256=f"{number}a{commit[0]}" * 21 + "f",
            git_oid="0" * 40,
        )
        for number, (path, size) in enumerate(files.items())
    )
    return frozen


@pytest.mark.parametrize(
    "path",
    [
        "/releases/tiny/",
        f"/releases/tiny/{OLD}/",
        f"/releases/tiny/{NEW}/files/tokenizer.json",
        f"/releases/tiny/{NEW}/files/model-00002-of-00003.safetensors",
        f"/releases/tiny/{NEW}/files/original/a-rather-long-name-of-a-checkpoint-from-before.pt",
        "/releases/downloads/",
    ],
)
def test_developer_opens_page_and_it_is_accessible_and_fits(
    page: Page, enter: Any, ada: User, path: str
) -> None:
    enter(page, ada)

    look_at(page, path)


@pytest.mark.parametrize("path", ["/releases/tiny/", f"/releases/tiny/{NEW}/files/tokenizer.json"])
def test_visitor_opens_page_and_it_is_accessible_and_fits(page: Page, tiny: Release, path: str) -> None:
    look_at(page, path)


def test_who_has_downloaded_nothing_opens_the_page(page: Page, enter: Any, tiny: Release) -> None:
    enter(page, cast.person("grace@example.org"))

    look_at(page, "/releases/downloads/")


def test_developer_makes_a_link_beside_a_file_and_revokes_it(page: Page, enter: Any, ada: User) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    enter(page, ada)
    page.goto("/releases/tiny/")
    DownloadLink.objects.all().delete()

    page.get_by_role("button", name="Make a link to config.json").click()
    made = page.locator(".link-made")
    expect(made).to_be_focused()
    made.get_by_role("button", name="Copy the link").click()
    expect(made.get_by_role("button", name="Copied")).to_be_visible()

    copied = page.evaluate("navigator.clipboard.readText()")
    link = DownloadLink.objects.get()
    mine = page.locator("#your-links")
    expect(mine.locator("tbody tr")).to_have_count(1)
    expect(mine).to_contain_text("5 of 5")
    assert links.find(copied.split("/")[-2], visitor=ada) == link
    assert_accessible(page)
    page.set_viewport_size(PHONE)
    assert_fits(page)

    mine.get_by_role("button", name="Revoke").click()
    expect(mine).to_contain_text("Revoked")
    assert not DownloadLink.objects.live().exists()


def test_developer_makes_a_link_for_two_downloads_on_the_files_page(
    page: Page, enter: Any, ada: User
) -> None:
    enter(page, ada)
    page.goto(f"/releases/tiny/{NEW}/files/config.json")

    page.get_by_label("Downloads it is good for").fill("2")
    page.get_by_role("button", name="Make a link").click()

    expect(page.locator("#made .link-made")).to_contain_text("good for 2 downloads until")
    assert_accessible(page)
    page.set_viewport_size(PHONE)
    assert_fits(page)


def test_developer_without_script_makes_and_revokes_a_link(
    browser: Any, live_server: Any, enter: Any, ada: User
) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, base_url=live_server.url)
    page = context.new_page()
    enter(page, ada)
    page.goto("/releases/tiny/")

    page.get_by_role("button", name="Make a link to config.json").click()
    expect(page.get_by_role("heading", name="Your new link")).to_be_visible()
    page.get_by_role("link", name="I have copied it").click()
    page.locator("#your-links").get_by_role("button", name="config.json").click()

    expect(page.get_by_text("The link to config.json is revoked.")).to_be_visible()
    context.close()


def test_developer_copies_a_command(page: Page, enter: Any, ada: User) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    enter(page, ada)
    page.goto("/releases/tiny/")

    page.get_by_text("aria2, eight connections a file").click()
    download = page.get_by_role("region", name="How to download")
    download.locator(".disclosure[open]").get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "aria2c -c -x 8" in page.evaluate("navigator.clipboard.readText()")
