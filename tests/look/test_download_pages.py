"""The console's pages of downloads in a real browser: accessible, fitting, alive while mails are sent."""

from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from portal.accounts.models import User
from portal.hub import counting, mailing, posting
from portal.hub.models import HolderMail, HolderMailing, MailStatus
from portal.hub.tasks import send_mailing
from portal.releases.models import Revision
from tests import cast
from tests.hub.taking import revision, take
from tests.look.checks import assert_accessible
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "a-rather-long-name-of-a-shard-" * 3 + "00001-of-00002.safetensors"


@pytest.fixture
def weights(db: None, monkeypatch: Any) -> Revision:
    """A revision with holders of every kind; mails wait until a test sends them."""
    monkeypatch.setattr(send_mailing, "delay", lambda mailing_id: None)
    release = cast.release()
    made = revision(release, "main", **{LONG: 5_000_000_000, "config.json": 700})
    ada = cast.developer("ada@example.org", release)
    grace = cast.person(
        "grace.with-a-long-address@department.example.org", name="Grace Brewster Murray Hopper"
    )
    take(ada, made, LONG)
    take(ada, made, "config.json")
    take(grace, made, LONG, (0, 99), (4_000_000_000, 4_999_999_999), sent=600_000_000, client="curl/8.5.0")
    counting.count_ended()
    take(grace, made, "config.json", sent=0, ended=False, client="aria2/1.37.0")
    gone = cast.person("gone@example.org")
    take(gone, made, LONG, sent=12, cut_reason="The approval was revoked.", client="Mozilla/5.0")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    return made


@pytest.fixture
def remy(db: None) -> User:
    return cast.staff("remy@example.org", "Release managers")


@pytest.fixture
def sent(weights: Revision, remy: User) -> HolderMailing:
    """A mailing with one mail that was refused."""
    made = mailing.mail_holders(
        weights, by=remy, token=uuid4(), subject="About {{release}}", body="Hello {{name}}.\n\n" + "x" * 300
    )
    HolderMail.objects.filter(user__email__startswith="grace").update(
        status=MailStatus.REFUSED, error="The mail server answered 550 5.1.1 No such user here"
    )
    return made


@pytest.mark.parametrize(
    "path",
    [
        "/console/downloads/",
        "/console/downloads/?view=requests",
        "/console/downloads/?person=nobody",
        "/console/downloads/releases/tiny/",
        "/console/downloads/releases/tiny/{commit}/",
        "/console/downloads/releases/tiny/{commit}/mail/",
        "/console/downloads/{download}/",
        "/console/releases/tiny/",
    ],
)
def test_manager_opens_page_and_it_is_accessible_and_fits(
    page: Page, enter: Any, weights: Revision, remy: User, path: str
) -> None:
    enter(page, remy)
    download = weights.files.get(path=LONG).downloads.order_by("pk").last()

    look_at(page, path.format(commit=weights.commit, download=download.pk))


def test_manager_opens_a_mailing_and_it_is_accessible_and_fits(
    page: Page, enter: Any, sent: HolderMailing, remy: User
) -> None:
    enter(page, remy)

    look_at(page, f"/console/downloads/mailings/{sent.pk}/")


def test_manager_writes_previews_sends_and_watches(
    page: Page, enter: Any, weights: Revision, remy: User
) -> None:
    enter(page, remy)
    page.goto(f"/console/downloads/releases/tiny/{weights.commit}/")
    page.get_by_role("link", name="Mail the 3 holders").click()
    page.get_by_label("Reason").fill("A shard was wrong.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("2 people get it; 1 more has a deactivated account")).to_be_visible()
    assert_accessible(page)

    page.get_by_role("button", name="Send it to 2 people").click()

    expect(page.locator("#mailing-progress")).to_contain_text("0 of 2")
    posting.send_batch(HolderMailing.objects.get().pk)
    expect(page.locator("#mailing-progress")).to_have_count(0)
    expect(page.get_by_text("Account deactivated").first).to_be_visible()
