"""The staff's pages of downloads: the list, one download, a report, holders, and mailing them."""

import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core import mail as outbox
from django.utils import timezone

from portal.hub import counting, mailing, posting
from portal.hub.models import Download, HolderMail, HolderMailing, MailStatus
from portal.ledger.models import Entry
from portal.releases.models import Release, ReleaseStatus, Revision
from tests import cast
from tests.conftest import signed_in
from tests.hub.taking import revision, take

LIST = "/console/downloads/"
HTMX = {"HX-Request": "true"}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LETTER = {
    "scope": "asked",
    "subject": "About {{release}}",
    "body": "Hello **{{name}}**. {{reason}}",
    "reason": "A shard was wrong.",
}


@pytest.fixture
def remy(db):
    return cast.staff("remy@example.org", "Release managers")


@pytest.fixture
def manager(remy):
    return signed_in(remy)


@pytest.fixture
def weights(release):
    return revision(release, "v1", model=1000, config=10)


@pytest.fixture
def holders_page(weights):
    return f"{LIST}releases/tiny/{weights.commit}/"


def text(response):
    return response.content.decode()


def letter(**changes):
    return LETTER | {"token": str(uuid4())} | changes


def test_remy_reads_who_took_what_by_day_and_every_request(manager, ada, weights):
    for first in (0, 500):
        take(ada, weights, "model", (first, first + 499), started_at=NOON)

    sheaves = text(manager.get(LIST))
    single = text(manager.get(f"{LIST}?view=requests"))

    assert sheaves.count(">model</a>") == 1
    assert "ada@example.org" in sheaves
    assert single.count(">model</a>") == 2
    assert "500\xa0bytes of 500\xa0bytes" in single


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("person=ada", {"a"}),
        ("person=GRACE@", {"g"}),
        ("person=nobody", set()),
        ("release=tiny", {"a", "g"}),
        ("release=other", {"o"}),
        ("revision=v1", {"a", "g"}),
        ("revision={commit}", {"a", "g"}),
        ("release=tiny&revision=nothing", set()),
        ("file=conf", {"g"}),
        ("family=curl", {"g"}),
        ("state=broken_off", {"g"}),
        ("since=2026-11-21", {"g", "o"}),
        ("until=2026-11-20", {"a"}),
        ("since=2026-11-21&until=2026-11-21", {"g"}),
    ],
)
@pytest.mark.parametrize("view", ["", "&view=requests"])
def test_list_is_filtered(manager, ada, release, weights, *, question, found, view):
    grace = cast.developer("grace@example.org", release)
    olga = cast.person("olga@example.org")
    elsewhere = revision(cast.release("other", under=release.licence), "v9", model=5)
    take(ada, weights, "model", started_at=NOON)
    take(grace, weights, "config", sent=3, client="curl/8.5", started_at=NOON + timedelta(days=1))
    take(olga, elsewhere, "model", started_at=NOON + timedelta(days=2))

    page = manager.get(f"{LIST}?{question.format(commit=weights.commit[:9].upper())}{view}")

    names = {"a": "ada", "g": "grace", "o": "olga"}
    people = {letter for letter, name in names.items() if f"{name}@example.org<" in text(page)}
    assert page.status_code == 200
    assert people == found
    assert ("No download found" in text(page)) == (not found)


@pytest.mark.parametrize("view", ["", "view=requests&"])
def test_list_goes_on_page_by_page_and_shows_each_once(manager, release, weights, view):
    for number in range(120):
        take(cast.person(f"p{number:03}@example.org"), weights, "model", started_at=NOON)
    seen, address = [], f"{LIST}?{view}"

    for _ in range(3):
        page = manager.get(address)
        rows = page.context["rows"]
        seen += [row["user"].email if isinstance(row, dict) else row.user.email for row in rows]
        address = f"{LIST}?{view}after={page.context['following']}"

    assert len(seen) == len(set(seen)) == 120
    assert page.context["following"] == ""
    assert "To the first page" in text(page)


@pytest.mark.parametrize(
    "question",
    [
        "after=x",
        "view=requests&after=x",
        "after=20261120.1",
        "after=20261399.1.1",
        "since=soon",
        "family=netscape",
        "release=none",
    ],
)
def test_nonsense_is_answered_as_such(manager, ada, weights, question):
    take(ada, weights, "model")

    page = manager.get(f"{LIST}?{question}")

    assert page.status_code == (400 if "after" in question else 200)
    assert "ada@example.org" not in text(page)


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("address", [LIST, f"{LIST}?view=requests&release=tiny&person=p"])
def test_list_costs_the_same_for_one_and_three(
    manager, release, weights, *, number, address, django_assert_max_num_queries
):
    for index in range(number):
        take(cast.person(f"p{index}@example.org"), weights, "model")
    manager.get(address)

    # Four of them are the session's.
    with django_assert_max_num_queries(12):
        manager.get(address)


def test_download_shows_everything_that_was_recorded(manager, ada, weights):
    made = take(
        ada, weights, "model", (0, 99), (900, 999), sent=120,
        client="curl/8.5.0 <b>", cut_reason="The approval was revoked.",
        connection="192.0.2.7 1 192.0.2.1 443",
    )  # fmt: skip

    page = text(manager.get(f"{LIST}{made.pk}/"))

    for shown in (
        "ada@example.org", "Open Weights Licence 1.0, accepted on", "192.0.2.7", "curl/8.5.0 &lt;b&gt;",
        weights.commit, made.file.sha256, "                curl\n", "The approval was revoked.",
        "192.0.2.7 1 192.0.2.1 443", ">900<", ">999<", ">120<", "The portal itself", "Ended by the portal",
    ):  # fmt: skip
        assert shown in page, shown
    assert "In the ledger" not in page
    assert manager.get(f"{LIST}{made.pk + 1}/").status_code == 404


def test_report_draws_the_days_and_adds_up(manager, ada, weights, django_assert_max_num_queries):
    take(ada, weights, "model", client="curl/8.5")
    counting.count_ended()
    take(ada, weights, "config", started_at=timezone.now() - timedelta(days=60))
    manager.get(LIST)

    with django_assert_max_num_queries(11):
        page = manager.get(f"{LIST}releases/tiny/")

    assert text(page).count("</rect>") == 60
    assert page.context["period_total"].sent_bytes == 1000
    assert page.context["report"].total.sent_bytes == 1010
    assert f"/{weights.commit}/" in text(page)
    assert text(manager.get(f"{LIST}releases/tiny/?days=90")).count("</rect>") == 180
    assert manager.get(f"{LIST}releases/tiny/?days=7000000").status_code == 400
    assert manager.get(f"{LIST}releases/none/").status_code == 404


def test_release_without_revisions_has_a_report(manager, release):
    assert "No revision yet" in text(manager.get(f"{LIST}releases/tiny/"))


def test_holders_are_listed_with_what_they_hold(manager, ada, release, weights, holders_page):
    grace = cast.developer("grace@example.org", release)
    take(ada, weights, "model", (0, 499))
    take(ada, weights, "model", (500, 999))
    take(ada, weights, "config")
    take(grace, weights, "model", sent=3, client="curl/8.5")

    page = text(manager.get(holders_page))

    assert page.index("grace@example.org") < page.index("ada@example.org")
    assert "2 of 2" in page
    assert "0 of 2" in page
    assert "Mail the 2 holders" in page
    assert "grace@example.org" not in text(manager.get(f"{holders_page}?kept=whole"))
    assert "ada@example.org" not in text(manager.get(f"{holders_page}?q=grace"))
    assert "Nobody found" in text(manager.get(f"{holders_page}?q=nobody"))
    assert "Holders" in text(manager.get("/console/releases/tiny/"))


def test_holders_go_on_page_by_page(manager, release, weights, holders_page):
    for number in range(60):
        take(cast.person(f"p{number:02}@example.org"), weights, "model", started_at=NOON)

    first = manager.get(holders_page)
    second = manager.get(holders_page, {"after": first.context["following"]})

    people = [one.user.email for page in (first, second) for one in page.context["holders"]]
    assert len(people) == len(set(people)) == 60
    assert second.context["following"] == ""
    for place in ("x", "2026-11-20~1", "2026-11-20T12:00:00+00:00~x"):
        assert manager.get(holders_page, {"after": place}).status_code == 400


@pytest.mark.parametrize("number", [1, 3])
def test_holders_cost_the_same_for_one_and_three(
    manager, release, weights, holders_page, *, number, django_assert_num_queries
):
    for index in range(number):
        take(cast.person(f"p{index}@example.org"), weights, "model")
    manager.get(LIST)

    # Four of them are the session's.
    with django_assert_num_queries(10):
        manager.get(holders_page)


def test_export_is_whole_and_safe_in_a_spreadsheet(manager, release, weights, holders_page):
    eve = cast.person("eve@example.org", name='=HYPERLINK("http://evil")')
    take(eve, weights, "model", sent=600, client="@SUM(1)", address=None)
    take(cast.developer("ada@example.org", release), weights, "config")

    answer = manager.get(f"{holders_page}holders.csv")

    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert answer["Content-Disposition"] == f'attachment; filename="tiny-{weights.commit[:12]}-holders.csv"'
    assert [row["E-mail"] for row in rows] == ["ada@example.org", "eve@example.org"]
    assert rows[1] | {"First download": "", "Last download": ""} == {
        "Name": "'=HYPERLINK(\"http://evil\")", "E-mail": "eve@example.org", "Account": "active",
        "Holds": "A part", "Files complete": "0", "Files begun": "1", "Files": "2", "Bytes held": "600",
        "Bytes": "1010", "Requests": "1", "Bytes sent": "600", "First download": "", "Last download": "",
        "Licence accepted": "", "Last client": "'@SUM(1)", "Last address": "",
    }  # fmt: skip
    assert rows[0]["Licence accepted"] == "1.0"
    whole = b"".join(manager.get(f"{holders_page}holders.csv?kept=whole")).decode()
    assert len(whole.splitlines()) == 1


def test_remy_writes_previews_and_mails_the_holders_with_one_click(
    manager, ada, weights, holders_page, django_capture_on_commit_callbacks
):
    take(ada, weights, "model")
    gone = cast.person("gone@example.org")
    take(gone, weights, "model")
    gone.is_active = False
    gone.save()
    facts = letter()

    blank = text(manager.get(f"{holders_page}mail/"))
    preview = manager.post(f"{holders_page}mail/", facts | {"step": "preview"})
    assert (HolderMailing.objects.count(), outbox.outbox) == (0, [])
    changed = manager.post(f"{holders_page}mail/", facts | {"step": "edit"})
    sent = manager.post(f"{holders_page}mail/", facts | {"step": "send"})
    twice = manager.post(f"{holders_page}mail/", facts | {"step": "send"})

    assert "{{reason}}" in blank
    assert "Hello <strong>Ada</strong>. A shard was wrong." in text(preview)
    assert "About Tiny" in text(preview)
    assert "Send it to 1 person" in text(preview)
    assert "1 more has a deactivated account" in text(preview)
    assert "Hello **{{name}}**. {{reason}}" in text(changed)
    assert sent.url == twice.url == f"{LIST}mailings/{HolderMailing.objects.get().pk}/"
    assert Entry.objects.filter(verb="weights.holders_mailed").count() == 1
    posting.send_batch(HolderMailing.objects.get().pk)
    assert [message.to for message in outbox.outbox] == [["ada@example.org"]]


def test_draft_says_why_a_revision_was_yanked_or_its_release_withdrawn(manager, ada, weights, holders_page):
    take(ada, weights, "model")
    Revision.objects.update(yanked_at=timezone.now(), yank_reason="A shard was wrong.")
    yanked = manager.get(f"{holders_page}mail/")
    release_page = text(manager.get("/console/releases/tiny/"))
    Release.objects.update(status=ReleaseStatus.WITHDRAWN, withdrawal_reason="It is unsafe.")
    withdrawn = manager.get(f"{holders_page}mail/")

    assert yanked.context["form"].initial["reason"] == "A shard was wrong."
    assert withdrawn.context["form"].initial["reason"] == "It is unsafe."
    assert f"{holders_page}mail/" in release_page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"subject": " "}, "Please fill this in."),
        ({"body": "Hello {{house}}"}, "There is no {{house}}."),
        ({"subject": "{{ }}"}, "There is no {{}}."),
        ({"reason": ""}, "Say why, or take {{reason}} out of the text."),
        ({"scope": "world"}, "Select a valid choice."),
        ({"token": "x"}, "Enter a valid UUID."),
    ],
)
@pytest.mark.parametrize("step", ["preview", "send"])
def test_wrong_letter_is_not_sent_and_stays(manager, ada, weights, holders_page, *, changes, sentence, step):
    take(ada, weights, "model")

    page = manager.post(f"{holders_page}mail/", letter(**changes) | {"step": step})

    assert page.status_code == 422
    assert sentence in text(page)
    assert not HolderMailing.objects.exists()


@pytest.mark.parametrize("step", ["preview", "send"])
def test_nobody_is_mailed_where_nobody_holds_it(manager, weights, holders_page, step):
    page = manager.post(f"{holders_page}mail/", letter(step=step))

    assert page.status_code == 422
    assert not HolderMailing.objects.exists()


def test_progress_is_told_until_all_is_sent(manager, remy, ada, weights):
    take(ada, weights, "model")
    facts = letter()
    made = mailing.mail_holders(weights, by=remy, **facts)
    page = f"{LIST}mailings/{made.pk}/"

    waiting = manager.get(page)
    asked = manager.get(f"{page}progress/", headers=HTMX)
    HolderMailing.objects.update(trouble="The mail server cannot be reached.")
    troubled = manager.get(f"{page}progress/", headers=HTMX)
    posting.send_batch(made.pk)
    done = manager.get(f"{page}progress/", headers=HTMX)

    assert "Being sent" in text(waiting)
    assert "0 of 1" in text(asked)
    assert 'id="mailing-progress"' in text(asked)
    assert "cannot be reached" in text(troubled)
    assert done["HX-Refresh"] == "true"
    assert "Being sent" not in text(manager.get(page))
    assert manager.get(f"{page}progress/").url == page


def test_refused_mails_are_shown_and_sent_once_more_on_demand(manager, remy, ada, weights):
    take(ada, weights, "model")
    made = mailing.mail_holders(weights, by=remy, **letter())
    HolderMail.objects.update(status=MailStatus.REFUSED, error="The mail server answered 550 No such user")
    page = f"{LIST}mailings/{made.pk}/"

    shown = text(manager.get(page))
    manager.post(f"{page}again/")
    posting.send_batch(made.pk)

    assert "550 No such user" in shown
    assert "Send 1 once more" in shown
    assert "Send 1 once more" not in text(manager.get(page))
    assert [message.to for message in outbox.outbox] == [["ada@example.org"]]


@pytest.fixture
def addresses(ada, remy, weights, holders_page):
    take(ada, weights, "model")
    made = mailing.mail_holders(weights, by=remy, **letter())
    single = Download.objects.get().pk
    return [
        ("get", LIST),
        ("get", f"{LIST}?view=requests"),
        ("get", f"{LIST}{single}/"),
        ("get", f"{LIST}releases/tiny/"),
        ("get", holders_page),
        ("get", f"{holders_page}holders.csv"),
        ("get", f"{holders_page}mail/"),
        ("post", f"{holders_page}mail/"),
        ("get", f"{LIST}mailings/{made.pk}/"),
        ("get", f"{LIST}mailings/{made.pk}/progress/"),
        ("post", f"{LIST}mailings/{made.pk}/again/"),
    ]


def test_mallory_rosa_and_a_stranger_are_kept_out_of_every_page(as_mallory, as_rosa, client, addresses):
    for method, address in addresses:
        for browser in (as_mallory, as_rosa):
            answer = getattr(browser, method)(address, letter(step="send"))
            assert answer.status_code == 403, address
            assert b"ada@example.org" not in answer.content
        assert getattr(client, method)(address).status_code == 302
    assert HolderMailing.objects.count() == 1


def test_addresses_that_name_nothing_are_404(manager, release, weights):
    other = revision(cast.release("other", under=release.licence), "v9", model=5)
    for address in (
        f"{LIST}releases/tiny/{other.commit}/",
        f"{LIST}releases/tiny/{other.commit}/holders.csv",
        f"{LIST}releases/tiny/{other.commit}/mail/",
        f"{LIST}mailings/1/",
    ):
        assert manager.get(address).status_code == 404, address
