"""Decisions on many applications: who is touched, each once, refusals told, stopped and gone on with."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import tasks
from portal.admissions.bulk import work as bulk_work
from portal.admissions.models import Application, BulkDecision, BulkStatus, ItemOutcome
from portal.admissions.models import ApplicationStatus as Status
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS


@pytest.fixture
def crowd(programme) -> list[Application]:
    """Five applications, handed in."""
    people = [cast.person(f"p{number}@example.org") for number in range(5)]
    return [actions.submit(actions.start(programme, by=one), answers=ANSWERS, by=one) for one in people]


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    """The tasks that were sent, instead of a broker."""
    sent: list[str] = []
    monkeypatch.setattr(tasks.decide_in_bulk, "delay", lambda *, bulk_id: sent.append(bulk_id))
    return sent


def everybody():
    return Application.objects.all()


def outcomes(prepared: BulkDecision) -> list[str]:
    return list(prepared.items.values_list("outcome", flat=True))


def refusal(act, *arguments, **named) -> str:
    with pytest.raises(Refusal) as refused:
        act(*arguments, **named)
    return refused.value.code


def test_exactly_those_on_whom_it_can_be_decided_are_touched(crowd, programme, rosa, rolf):
    actions.approve(crowd[0], by=rosa)
    own = actions.submit(actions.start(programme, by=rosa), answers=ANSWERS, by=rosa)
    appeal = actions.decline(crowd[1], by=rosa, reason="incomplete")
    actions.appeal(appeal, by=appeal.applicant, message="It is all there.")
    actions.start(programme, by=cast.person("draft@example.org"))

    prepared = bulk.prepare(everybody(), verb="approve", by=rosa)

    touched = {item.application for item in prepared.items.all()}
    assert touched == set(crowd[2:])
    # The approved one, her own, and the appeal against her; a draft is nobody's business.
    assert (prepared.left_out, prepared.status, own.status) == (3, BulkStatus.PREPARED, Status.SUBMITTED)
    assert appeal in {
        item.application for item in bulk.prepare(everybody(), verb="approve", by=rolf).items.all()
    }


def test_a_decision_on_many_is_each_ones_own(crowd, rosa, sent, django_capture_on_commit_callbacks):
    prepared = bulk.prepare(everybody(), verb="decline", reason="no_room", by=rosa, address="192.0.2.7")
    with django_capture_on_commit_callbacks(execute=True):
        bulk.begin(prepared, by=rosa)
    assert sent == [str(prepared.pk)]

    tasks.decide_in_bulk(bulk_id=sent[0])

    prepared.refresh_from_db()
    assert prepared.status == BulkStatus.DONE
    assert outcomes(prepared) == [ItemOutcome.DECIDED] * 5
    for one in everybody():
        last = Entry.objects.about(one).last()
        assert (one.status, one.decline_reason, one.decided_by) == (Status.DECLINED, "no_room", rosa)
        assert (last.verb, last.address) == ("application.declined", "192.0.2.7")
    verbs = [entry.verb for entry in Entry.objects.about(prepared)]
    assert verbs == ["bulk_decision.begun", "bulk_decision.done"]
    assert Entry.objects.about(prepared).last().data == {"decided": 5}


def test_what_somebody_else_did_after_the_preview_stays(crowd, rosa, rolf, sent):
    prepared = bulk.prepare(everybody(), verb="approve", by=rosa)
    actions.request_information(crowd[1], by=rolf, message="Which?")
    bulk.begin(prepared, by=rosa)

    tasks.decide_in_bulk(bulk_id=str(prepared.pk))

    crowd[1].refresh_from_db()
    item = prepared.items.get(application=crowd[1])
    assert crowd[1].status == Status.INFORMATION_REQUESTED
    assert item.outcome == ItemOutcome.REFUSED
    assert "rolf@example.org was here first" in item.sentence
    assert prepared.count_by_outcome() == {"decided": 4, "refused": 1}


def test_stopped_it_decides_on_no_more(crowd, rosa, sent):
    prepared = bulk.prepare(everybody(), verb="approve", by=rosa)
    bulk.begin(prepared, by=rosa)
    bulk_work.stop(prepared, by=rosa)

    tasks.decide_in_bulk(bulk_id=str(prepared.pk))

    assert not Application.objects.filter(status=Status.APPROVED).exists()
    with pytest.raises(IllegalMove):
        bulk.begin(prepared, by=rosa)


def test_a_reviewer_who_is_none_any_more_decides_on_no_more(crowd, rosa, sent):
    prepared = bulk.prepare(everybody(), verb="approve", by=rosa)
    bulk.begin(prepared, by=rosa)
    rosa.groups.clear()

    tasks.decide_in_bulk(bulk_id=str(prepared.pk))

    prepared.refresh_from_db()
    assert prepared.status == BulkStatus.STOPPED
    assert outcomes(prepared) == [ItemOutcome.PENDING] * 5


def test_a_forgotten_one_is_gone_on_with(crowd, rosa, sent):
    prepared = bulk.prepare(everybody(), verb="approve", by=rosa)
    bulk.begin(prepared, by=rosa)
    tasks.resume_bulk_decisions()
    assert sent == []

    BulkDecision.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
    tasks.resume_bulk_decisions()

    assert sent == [str(prepared.pk)]


def test_nobody_and_too_many_are_refused(crowd, rosa, monkeypatch):
    assert refusal(bulk.prepare, Application.objects.none(), verb="approve", by=rosa) == "nobody_chosen"
    monkeypatch.setattr(bulk, "ITEMS_MAX", 4)
    assert refusal(bulk.prepare, everybody(), verb="approve", by=rosa) == "too_many_chosen"
    assert not BulkDecision.objects.exists()


def test_a_decline_that_says_nothing_is_refused(crowd, rosa):
    assert refusal(bulk.prepare, everybody(), verb="decline", reason="other", by=rosa) == "message_required"
