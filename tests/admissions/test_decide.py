"""Deciding: each verb, its message, its mail, its entry, and who may not."""

import pytest
from django.db import transaction

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.admissions import actions
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.programmes import actions as programme_actions
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove, LostRace
from portal.ledger.models import Entry
from tests.admissions.conftest import ANSWERS

MESSAGE = "We read it with <interest>."


def gate(user, release, code):
    return next(one for one in decide(user, release, Action.PLAYGROUND).gates if one.code == code)


@pytest.mark.parametrize(
    ("verb", "status", "entry"),
    [
        (actions.approve, Status.APPROVED, "application.approved"),
        (actions.waitlist, Status.WAITLISTED, "application.waitlisted"),
        (actions.decline, Status.DECLINED, "application.declined"),
        (actions.request_information, Status.INFORMATION_REQUESTED, "application.information_requested"),
    ],
)
def test_rosa_decides_in_one_step_from_submitted(submitted, rosa, verb, status, entry):
    decided = verb(submitted, by=rosa, message=MESSAGE, address="192.0.2.7")

    submitted.refresh_from_db()
    assert (decided.status, submitted.status) == (status, status)
    assert [note.verb for note in submitted.notes.all()][2:] == ["application.review_started", entry]
    assert [one.verb for one in Entry.objects.about(submitted)][2:] == ["application.review_started", entry]
    last = Entry.objects.about(submitted).last()
    assert (last.actor_label, last.address) == ("rosa@example.org", "192.0.2.7")
    reason = {"reason": "other"} if status == Status.DECLINED else {}
    assert last.data == {"programme": "early-access", "from": "in_review", "to": status} | reason


def test_rosa_may_begin_a_review_before_she_decides(submitted, rosa):
    actions.begin_review(submitted, by=rosa)
    actions.approve(submitted, by=rosa)

    assert [note.verb for note in submitted.notes.all()][2:] == [
        "application.review_started",
        "application.approved",
    ]


def test_a_decision_names_who_took_it_and_when(submitted, rosa):
    decided = actions.approve(submitted, by=rosa)

    assert decided.decided_by == rosa
    assert decided.decided_at == decided.notes.last().at or decided.decided_at <= decided.notes.last().at


def test_an_approval_opens_the_gate_and_a_revocation_shuts_it(submitted, ann, rosa, release):
    before = gate(ann, release, "approved").passed
    approved = actions.approve(submitted, by=rosa)
    during = gate(ann, release, "approved").passed
    actions.revoke(approved, by=rosa, message="Leaked.")

    assert (before, during, gate(ann, release, "approved").passed) == (False, True, False)


def test_rosa_approves_from_the_waiting_list(submitted, rosa):
    waiting = actions.waitlist(submitted, by=rosa)

    assert actions.approve(waiting, by=rosa).status == Status.APPROVED


def test_rosa_takes_a_question_back(submitted, rosa):
    asked = actions.request_information(submitted, by=rosa, message="Which?")

    assert actions.begin_review(asked, by=rosa).status == Status.IN_REVIEW


def test_rosa_decides_without_waiting_for_the_answer(submitted, rosa):
    asked = actions.request_information(submitted, by=rosa, message="Which?")

    assert actions.decline(asked, by=rosa, message="No answer came.").status == Status.DECLINED


@pytest.mark.parametrize("verb", [actions.decline, actions.request_information, actions.revoke])
@pytest.mark.parametrize("message", ["", "  \n "])
def test_some_decisions_are_owed_a_message(submitted, rosa, verb, message):
    with pytest.raises(Refusal) as refused:
        verb(submitted, by=rosa, message=message)

    submitted.refresh_from_db()
    assert (refused.value.code, refused.value.status) == ("message_required", 422)
    assert submitted.status == Status.SUBMITTED


def test_a_reviewer_cannot_decide_on_their_own_application(programme, rosa):
    own = actions.submit(actions.start(programme, by=rosa), answers=ANSWERS, by=rosa)

    for verb in (
        actions.approve,
        actions.decline,
        actions.waitlist,
        actions.begin_review,
        actions.request_information,
    ):
        with pytest.raises(Refusal) as refused:
            verb(own, by=rosa, message="Of course!")
        assert (refused.value.code, refused.value.status) == ("own_application", 403)

    own.refresh_from_db()
    assert own.status == Status.SUBMITTED


@pytest.mark.parametrize("verb", [actions.approve, actions.decline, actions.waitlist, actions.begin_review])
def test_nobody_decides_on_a_draft(draft, rosa, verb):
    with pytest.raises(IllegalMove) as refused:
        verb(draft, by=rosa, message="Early.")

    draft.refresh_from_db()
    assert draft.status == Status.DRAFT
    assert refused.value.code == "application_draft"


def test_revoking_what_was_never_approved_leaves_no_trace(submitted, rosa):
    with pytest.raises(IllegalMove) as refused, transaction.atomic():
        actions.revoke(submitted, by=rosa, message="Leaked.")

    submitted.refresh_from_db()
    assert refused.value.sentence == "This application is submitted and cannot become revoked."
    assert submitted.status == Status.SUBMITTED
    assert submitted.notes.count() == 2


def test_who_looked_before_somebody_else_acted_is_told_what_they_did(submitted, rosa, rolf):
    seen = submitted.notes.last().pk
    actions.waitlist(submitted, by=rosa, message="No room yet.", seen=seen)

    # The table would let a waitlisted application be approved; Rolf has not seen that it is one.
    with pytest.raises(LostRace) as lost:
        actions.approve(submitted, by=rolf, seen=seen)

    submitted.refresh_from_db()
    assert submitted.status == Status.WAITLISTED
    assert lost.value.sentence.startswith("rosa@example.org was here first: “Application waitlisted” at ")


def test_an_answer_that_came_in_meanwhile_counts_as_something_new(submitted, ann, rosa):
    asked = actions.request_information(submitted, by=rosa, message="Which?")
    seen = asked.notes.last().pk
    actions.give_information(asked, by=ann, message="These.")

    with pytest.raises(LostRace):
        actions.decline(asked, by=rosa, message="No answer.", seen=seen)


@pytest.mark.parametrize(
    ("verb", "subject", "expected"),
    [
        (actions.approve, "is approved", "/dashboard/"),
        (actions.waitlist, "is on the waiting list", "/apply/early-access/REQ-"),
        (actions.decline, "was declined", "/apply/early-access/REQ-"),
        (actions.request_information, "A question about your application", "/apply/early-access/REQ-"),
    ],
)
def test_ann_gets_a_mail_with_the_message(  # noqa: PLR0917 - fixtures and a table
    submitted, ann, rosa, post_office, settings, verb, subject, expected
):
    settings.PORTAL_URL = "https://portal.example.org"
    with post_office() as mails:
        verb(submitted, by=rosa, message=MESSAGE)

    [mail] = mails
    html, kind = mail.alternatives[0]
    assert mail.to == ["ann@example.org"]
    assert subject in mail.subject
    assert submitted.reference in mail.subject
    assert MESSAGE in mail.body
    assert f"https://portal.example.org{expected}" in mail.body
    assert kind == "text/html"
    assert "We read it with &lt;interest&gt;." in html
    assert "<interest>" not in html


def test_ann_gets_a_mail_when_she_submits_and_when_she_is_revoked(draft, ann, rosa, post_office):
    with post_office() as mails:
        submitted = actions.submit(draft, answers=ANSWERS, by=ann)
        actions.revoke(actions.approve(submitted, by=rosa), by=rosa, message="Leaked.")

    assert [mail.subject.replace(submitted.reference, "REQ") for mail in mails] == [
        "We have your application REQ",
        "Your application REQ is approved",
        "The approval of REQ has been revoked",
    ]
    assert "The reviewer writes" not in mails[1].body


def test_no_mail_leaves_for_what_did_not_happen(submitted, rosa, post_office):
    with post_office() as mails, pytest.raises(IllegalMove):
        actions.revoke(submitted, by=rosa, message="Leaked.")

    assert mails == []


def test_no_message_reaches_the_ledger(submitted, ann, rosa):
    actions.request_information(submitted, by=rosa, message="secret question")
    actions.give_information(submitted, by=ann, message="secret answer")

    assert "secret" not in str(list(Entry.objects.values()))


def test_opening_and_closing_a_programme_is_recorded_once(programme, rosa):
    programme_actions.open_programme(programme, by=rosa)
    closed = (
        programme_actions.close_programme(programme, by=rosa),
        programme_actions.close_programme(programme, by=rosa),
    )

    assert closed == (True, False)
    assert [entry.verb for entry in Entry.objects.about(programme)] == [
        "programme.opened",
        "programme.closed",
    ]
