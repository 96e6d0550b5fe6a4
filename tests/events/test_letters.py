"""The mails about an event."""

import pytest

from portal.celery import app
from portal.events import actions
from portal.events.models import EventStatus
from tests import cast


@pytest.fixture(autouse=True)
def _mail_leaves_at_once():
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def post(django_capture_on_commit_callbacks):
    def run(action, *args, **kwargs):
        with django_capture_on_commit_callbacks(execute=True):
            return action(*args, **kwargs)

    return run


def sent(mailoutbox):
    return [(message.to[0], message.subject) for message in mailoutbox]


def test_guests_hear_of_their_seat_their_place_in_line_and_their_promotion(db, mailoutbox, post):
    event = cast.event(capacity=1)
    ada, ben = cast.person("ada@example.org"), cast.person("ben@example.org")

    seat = post(actions.register, event, by=ada)
    post(actions.register, event, by=ben)
    post(actions.cancel_registration, seat, by=ada)

    assert sent(mailoutbox) == [
        ("ada@example.org", "You are registered for Demo day"),
        ("ben@example.org", "You are on the waiting list of Demo day"),
        ("ben@example.org", "A seat is free for you: Demo day"),
    ]
    assert "/events/demo-day/" in mailoutbox[0].body


def test_guests_hear_of_a_new_place_but_not_of_a_new_summary(rosa, mallory, mailoutbox, post):
    event = cast.event()
    post(actions.register, event, by=mallory)
    mailoutbox.clear()

    post(actions.change_event, event, by=rosa, prototypes=[], summary="New words.")
    post(actions.change_event, event, by=rosa, prototypes=[], place="Paris")

    assert sent(mailoutbox) == [("mallory@example.org", "Changed: Demo day")]
    assert "Paris" in mailoutbox[0].body


def test_guests_hear_of_a_cancelled_event_and_why(rosa, mallory, mailoutbox, post):
    event = cast.event()
    post(actions.register, event, by=mallory)
    mailoutbox.clear()

    cancelled = post(actions.cancel_event, event, by=rosa, message="The hall is flooded.")

    assert cancelled.status == EventStatus.CANCELLED
    assert sent(mailoutbox) == [("mallory@example.org", "Cancelled: Demo day")]
    assert "The hall is flooded." in mailoutbox[0].body
