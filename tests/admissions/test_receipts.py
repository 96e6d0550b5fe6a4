"""Doing without receipts: from the mail, from a mail program's own button, and from the account."""

import pytest

from portal.accounts import unsubscribing
from portal.admissions import actions
from portal.admissions.applications import correcting
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.conftest import signed_in


def test_a_receipt_names_the_page_and_a_decision_does_not(draft, ann, rosa, post_office, settings):
    with post_office() as mails:
        actions.submit(draft, answers=ANSWERS, by=ann)
        actions.approve(draft, by=rosa)

    receipt, decision = mails
    address = f"{settings.PORTAL_URL}{unsubscribing.path_for(ann)}"
    assert receipt.extra_headers == {
        "List-Unsubscribe": f"<{address}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert address in receipt.body
    assert address in receipt.alternatives[0][0]
    assert decision.extra_headers == {}
    assert "/unsubscribe/" not in decision.body


def test_ann_presses_her_mail_programs_button_and_gets_decisions_only(
    client,
    draft,
    ann,
    rosa,
    post_office,
):
    address = unsubscribing.path_for(ann)
    looked = client.get(address)
    ann.refresh_from_db()
    after_looking = ann.wants_receipts
    pressed = client.post(address, {"List-Unsubscribe": "One-Click"})
    client.post(address, {"List-Unsubscribe": "One-Click"})

    with post_office() as mails:
        actions.submit(draft, answers=ANSWERS, by=ann)
        actions.approve(draft, by=rosa)

    assert (looked.status_code, after_looking, pressed.status_code) == (200, True, 200)
    assert "You get no receipts any more." in pressed.content.decode()
    assert [mail.subject for mail in mails] == [f"Your application {draft.reference} is approved"]
    assert Entry.objects.filter(verb="account.mail_chosen").count() == 1


def test_ann_finds_the_choice_in_her_account_and_takes_it_back(ann):
    client = signed_in(ann)
    unsubscribing.choose_receipts(ann, wanted=False)

    page = client.get("/accounts/mail/", follow=True)
    again = client.post(page.redirect_chain[0][0], {"again": "1"})

    ann.refresh_from_db()
    assert "Send me receipts again" in page.content.decode()
    assert "You get receipts again." in again.content.decode()
    assert ann.wants_receipts


def test_a_made_up_link_is_not_found_and_nobodys_account_page_asks_to_sign_in(client, db):
    cast.person("ann@example.org")

    assert client.post("/unsubscribe/WzFd:made-up/").status_code == 404
    assert client.get("/accounts/mail/").status_code == 302


@pytest.mark.parametrize("wants_receipts", [True, False])
def test_each_step_that_asks_for_nothing_is_a_receipt_in_text_and_html(
    draft, ann, rosa, post_office, wants_receipts
):
    unsubscribing.choose_receipts(ann, wanted=wants_receipts)
    with post_office() as mails:
        actions.submit(draft, answers=ANSWERS, by=ann)
        actions.begin_review(draft, by=rosa)
        actions.request_information(draft, by=rosa, message="Which lab?")
        actions.give_information(draft, by=ann, message="Ours.")
        correcting.correct(draft, answers=ANSWERS | {"country": "FR"}, uploads={}, by=ann)
        actions.withdraw(draft, by=ann)
        correcting.erase(draft, by=ann)

    subjects = [mail.subject.replace(draft.reference, "REQ") for mail in mails]
    receipts = [
        "We have your application REQ",
        "A reviewer reads REQ",
        "A question about your application REQ",
        "We have your answer about REQ",
        "Your answers in REQ are corrected",
        "Your application REQ is withdrawn",
        "What you wrote in REQ is deleted",
    ]
    assert subjects == (receipts if wants_receipts else [receipts[2]])
    for mail in mails:
        assert draft.reference in mail.body
        assert draft.reference in mail.alternatives[0][0]


def test_what_a_reviewer_writes_arrives_without_receipts_too(submitted, ann, rosa, post_office):
    unsubscribing.choose_receipts(ann, wanted=False)

    with post_office() as mails:
        actions.begin_review(submitted, by=rosa, message="Give me a week.")

    assert "Give me a week." in mails[0].body
    assert mails[0].extra_headers == {}


def test_a_draft_and_a_step_on_the_way_send_no_mail(draft, ann, rosa, post_office):
    with post_office() as mails:
        actions.withdraw(draft, by=ann)
        other = cast.application(cast.person("bea@example.org"), draft.programme)
        actions.waitlist(other, by=rosa)

    assert [mail.subject for mail in mails] == [f"Your application {other.reference} is on the waiting list"]
