"""Declines with their reasons, the one appeal, and the pause before applying again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.models import Application
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.reasons import DeclineReason, next_step, sentence
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from tests.admissions.test_follow import signed_in

HTMX = {"HX-Request": "true"}


@pytest.fixture
def declined(submitted, rosa) -> Application:
    """Ann's application, declined by Rosa for its use."""
    return actions.decline(submitted, by=rosa, reason=DeclineReason.USE_NOT_COVERED)


@pytest.fixture
def appealed(declined, ann) -> Application:
    """The same, which Ann appealed."""
    return actions.appeal(declined, by=ann, message="It is research all the same.")


def refusal(verb, *arguments, **named) -> str:
    with pytest.raises(Refusal) as refused:
        verb(*arguments, **named)
    return refused.value.code


@pytest.mark.parametrize("reason", DeclineReason.values)
def test_every_reason_states_a_next_step_and_says_why_unless_the_message_must(submitted, rosa, reason):
    if not sentence(reason):
        assert refusal(actions.decline, submitted, by=rosa, reason=reason) == "message_required"
    actions.decline(submitted, by=rosa, reason=reason, message="Since it is so.")

    assert next_step(reason).endswith(".")
    assert Entry.objects.about(submitted).last().data["reason"] == reason


def test_an_unknown_reason_is_a_programmers_mistake(submitted, rosa):
    with pytest.raises(ValueError, match="nonsense"):
        actions.decline(submitted, by=rosa, reason="nonsense", message="No.")


def test_ann_reads_why_and_what_next_on_her_page_and_in_her_mail(declined, ann):
    page = signed_in(ann).get(declined.get_absolute_url()).content.decode()

    assert "is not what this programme is for" in page
    assert "Look whether another programme fits" in page
    assert "Appeal this decision" in page


def test_the_mail_of_a_decline_has_the_reason_the_next_step_and_the_appeal(submitted, rosa, post_office):
    with post_office() as mails:
        actions.decline(submitted, by=rosa, reason=DeclineReason.INCOMPLETE, message="Which model?")

    letter = mails[-1]
    for text in (letter.body, letter.alternatives[0][0]):
        assert "Your answers leave open what we need to know." in text
        assert "Which model?" in text
        assert "appeal once: another reviewer decides" in text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_ann_appeals_and_another_reviewer_decides(declined, ann, rosa, rolf, headers):
    client = signed_in(ann)
    door = f"{declined.get_absolute_url()}appeal/"

    empty = client.post(door, {"message": " "}, headers=headers)
    sent = client.post(door, {"message": "It is research."}, headers=headers, follow=True)

    declined.refresh_from_db()
    assert (empty.status_code, sent.status_code) == (422, 200)
    assert "Tell us what speaks against the decision." in empty.content.decode()
    assert "We have your appeal" in sent.content.decode()
    assert (declined.status, declined.appealed_from, declined.is_appeal) == (Status.IN_REVIEW, rosa, True)
    assert refusal(actions.approve, declined, by=rosa) == "own_decision"
    assert refusal(actions.decline, declined, by=rosa, reason="incomplete") == "own_decision"
    assert actions.approve(declined, by=rolf).status == Status.APPROVED


def test_the_reviewer_who_declined_is_told_that_another_takes_the_appeal(appealed, rosa, rolf):
    at = f"/console/applications/{appealed.reference}/"

    hers, his = (signed_in(one).get(at).content.decode() for one in (rosa, rolf))

    assert "another reviewer takes the appeal" in hers
    assert 'value="approve"' not in hers
    assert "This is an appeal against a decision of rosa@example.org" in his
    assert "It is research all the same." in his
    assert 'value="approve"' in his


def test_an_appeal_is_possible_once(appealed, ann, rolf):
    declined = actions.decline(appealed, by=rolf, reason=DeclineReason.USE_NOT_ALLOWED)

    page = signed_in(ann).get(declined.get_absolute_url()).content.decode()

    assert refusal(actions.appeal, declined, by=ann, message="Again.") == "appealed_before"
    assert "This is the decision on your appeal, and final." in page
    assert "Appeal this decision" not in page


def test_only_a_declined_application_is_appealed_and_only_by_its_applicant(submitted, declined, ann, mallory):
    assert refusal(actions.appeal, declined, by=mallory, message="Mine.") == "not_yours"
    assert signed_in(mallory).post(f"{declined.get_absolute_url()}appeal/").status_code == 404
    Application.objects.update(status=Status.WAITLISTED)
    with pytest.raises(IllegalMove):
        actions.appeal(declined, by=ann, message="Why?")


def test_a_new_application_stands_in_the_way_of_an_appeal(declined, programme, ann):
    actions.start(programme, by=ann)

    page = signed_in(ann).get(declined.get_absolute_url()).content.decode()

    assert refusal(actions.appeal, declined, by=ann, message="Why?") == "applied_again"
    assert "Appeal this decision" not in page


def test_staff_do_not_reopen_a_declined_application(declined, rolf):
    for verb, said in (
        (actions.begin_review, {}),
        (actions.approve, {}),
        (actions.waitlist, {}),
        (actions.request_information, {"message": "Which?"}),
    ):
        with pytest.raises(IllegalMove):
            verb(declined, by=rolf, **said)


def test_who_was_declined_waits_for_the_programmes_pause(declined, programme, ann):
    programme.pause_days = 30
    programme.save()
    client = signed_in(ann)

    page = client.get(programme.get_absolute_url()).content.decode()
    assert "You can apply again from" in page
    assert "Apply again</button>" not in page
    assert refusal(actions.start, programme, by=ann) == "pause_not_over"
    assert client.post(f"{programme.get_absolute_url()}again/").status_code == 409

    Application.objects.update(decided_at=timezone.now() - timedelta(days=31))
    assert "Apply again</button>" in client.get(programme.get_absolute_url()).content.decode()
    assert actions.start(programme, by=ann).status == Status.DRAFT
