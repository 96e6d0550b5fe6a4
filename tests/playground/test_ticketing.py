"""Which requests a ticket opens a stream for, before Django is asked."""

from uuid import uuid4

import pytest
from django.conf import settings
from django.core import signing

from playground import ticketing
from playground.stream_door import opened

ANSWER = uuid4()


def asked(answer=ANSWER, *, ticket="", session_key="adas", method="GET", behind=""):
    """What ASGI tells of a request for an answer's stream."""
    return {
        "type": "http",
        "method": method,
        "path": f"/playground/generations/{answer}/stream/{behind}",
        "query_string": f"after=&ticket={ticket}".encode(),
        "headers": [(b"cookie", f"csrftoken=x; {settings.SESSION_COOKIE_NAME}={session_key}".encode())],
    }


@pytest.fixture
def ticket():
    return ticketing.issue(ANSWER, session_key="adas")


def test_a_ticket_opens_its_own_stream_for_its_own_session(ticket):
    assert opened(asked(ticket=ticket)) == ANSWER


def test_it_opens_no_other_answers_and_is_worth_nothing_to_another_session(ticket):
    assert opened(asked(uuid4(), ticket=ticket)) is None
    assert opened(asked(ticket=ticket, session_key="mallorys")) is None
    assert opened(asked(ticket=ticket, session_key="")) is None
    assert opened(asked(ticket=ticket) | {"headers": []}) is None


@pytest.mark.parametrize("forged", ["", "x", "1:2", ":", "1uMQ2a:AAAA", "%00", "é"])
def test_what_nobody_issued_opens_nothing(forged):
    assert opened(asked(ticket=forged)) is None


def test_it_is_for_reading_one_address(ticket):
    assert opened(asked(ticket=ticket, method="POST")) is None
    assert opened(asked(ticket=ticket, behind="x/")) is None


def test_it_expires(ticket, monkeypatch):
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + ticketing.TICKET_SECONDS - 2)
    assert opened(asked(ticket=ticket)) == ANSWER
    monkeypatch.setattr(signing.time, "time", lambda: now + ticketing.TICKET_SECONDS + 2)
    assert opened(asked(ticket=ticket)) is None
