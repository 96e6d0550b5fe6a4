"""Deciding on many in the console: choosing, the preview, carrying out, and whose it is."""

import pytest

from portal.admissions import actions
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import tasks
from portal.admissions.models import Application, BulkDecision, BulkStatus
from tests import cast
from tests.admissions.conftest import ANSWERS, programme
from tests.conftest import signed_in

__all__ = ["programme"]
URL = "/console/applications/bulk/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def crowd(programme) -> list[Application]:
    """Three applications, handed in."""
    people = [cast.person(f"p{number}@example.org") for number in range(3)]
    return [actions.submit(actions.start(programme, by=one), answers=ANSWERS, by=one) for one in people]


@pytest.fixture
def as_rosa(rosa):
    return signed_in(rosa)


def test_the_queue_offers_those_chosen_and_all_that_are_found(as_rosa, crowd):
    page = as_rosa.get("/console/applications/?q=p1").content.decode()

    assert f'value="{crowd[1].reference}"' in page
    assert f'href="{URL}?q=p1"' in page
    assert "Decide on all 1" in page


def test_nobody_chosen_leads_back_to_the_queue(as_rosa, crowd):
    page = as_rosa.get(f"{URL}?q=nobody").content.decode()

    assert "Nobody is chosen" in page
    assert "<form class" not in page


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "Choose what to decide."),
        ({"verb": "explode"}, "Select a valid choice"),
        ({"verb": "decline"}, "Choose a reason first"),
        ({"verb": "decline", "reason": "other"}, "this reason says nothing by itself"),
    ],
)
def test_what_is_missing_is_asked_for_and_what_was_typed_stays(as_rosa, crowd, sent, said):
    answer = as_rosa.post(URL, sent | {"message": "" if "reason" in sent else "My words"})

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not BulkDecision.objects.exists()


def test_rosa_sees_who_is_touched_and_carries_it_out(as_rosa, crowd, monkeypatch):
    monkeypatch.setattr(tasks.decide_in_bulk, "delay", lambda **_: None)
    chosen = f"{URL}?reference={crowd[0].reference}&reference={crowd[2].reference}"
    page = as_rosa.post(chosen, {"verb": "approve", "message": "Welcome."}, follow=True).content.decode()
    prepared = BulkDecision.objects.get()

    assert "<strong>2 applications</strong> will be decided on" in page
    assert crowd[0].reference in page
    assert crowd[1].reference not in page
    as_rosa.post(f"{prepared.get_absolute_url()}begin/")
    running = as_rosa.get(prepared.get_absolute_url(), headers=HTMX).content.decode()
    assert "0 of 2, going on" in running
    assert 'hx-trigger="every 2s"' in running
    assert "<html" not in running

    tasks.decide_in_bulk(bulk_id=str(prepared.pk))

    done = as_rosa.get(f"{prepared.get_absolute_url()}?outcome=decided").content.decode()
    assert "2 of 2." in done
    assert "hx-trigger" not in done
    assert done.count("Approved") >= 2


def test_stop_and_discard(as_rosa, crowd, rosa):
    prepared = bulk.prepare(Application.objects.all(), verb="approve", by=rosa)

    answer = as_rosa.post(f"{prepared.get_absolute_url()}stop/", follow=True)

    prepared.refresh_from_db()
    assert prepared.status == BulkStatus.STOPPED
    assert "What was decided before stays so." in answer.content.decode()
    assert as_rosa.post(f"{prepared.get_absolute_url()}begin/").status_code == 409


def test_nobody_sees_or_begins_what_another_prepared(crowd, rosa, mallory):
    prepared = bulk.prepare(Application.objects.all(), verb="approve", by=rosa)
    as_rolf = signed_in(cast.staff("rolf@example.org", "Reviewers"))

    assert as_rolf.get(prepared.get_absolute_url()).status_code == 404
    assert as_rolf.post(f"{prepared.get_absolute_url()}begin/").status_code == 404
    assert signed_in(mallory).get(URL).status_code == 403


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_costs_the_same_for_one_and_three(as_rosa, crowd, rosa, number, django_assert_num_queries):
    chosen = Application.objects.filter(pk__in=[one.pk for one in crowd[:number]])
    prepared = bulk.prepare(chosen, verb="approve", by=rosa)
    as_rosa.get(prepared.get_absolute_url())

    with django_assert_num_queries(8):
        as_rosa.get(prepared.get_absolute_url())
