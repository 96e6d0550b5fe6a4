"""What is being written stops within a second when access ends: revocation, sign-out, a new password."""

import time

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.backends.db import SessionStore

from playground import actions, stopping
from playground.models import Conversation, Generation, GenerationStatus
from portal.admissions import actions as admissions
from portal.admissions.models import Application
from tests import cast
from tests.playground.conftest import wish
from tests.playground.stack import ended, wait_for

LONG = "words=400 pause=0.05"
SESSION = "a-session-of-hers"


def stops_within_a_second(stack) -> bool:
    began = time.monotonic()
    wait_for(lambda: stack.upstream_state()["running"] == 0, seconds=5)
    return time.monotonic() - began < 1


@pytest.mark.live
@pytest.mark.timeout(120)
class TestLive:
    """Through the live processes."""

    def test_a_revoked_approval_stops_the_model(self, stack, ada, ada_visits, release):
        rosa = cast.staff("rosa@example.org", "Reviewers")
        generation = ada_visits.send(LONG, release=release)
        wait_for(lambda: stack.upstream_state()["running"] == 1)
        time.sleep(0.5)

        admissions.revoke(Application.objects.get(applicant=ada), by=rosa, message="It was abused.")

        assert stops_within_a_second(stack)
        failed = ended(generation)
        assert (failed.status, failed.error_code) == (GenerationStatus.FAILED, "approved")
        assert failed.text.startswith("w0 w1")

    def test_revoking_the_leads_approval_stops_what_a_member_has_written(
        self, stack, ada, ada_visits, release
    ):
        rosa = cast.staff("rosa@example.org", "Reviewers")
        lead = cast.developer("lead@example.org", release)
        cast.member(cast.team(Application.objects.get(applicant=lead)), ada)
        Application.objects.filter(applicant=ada).update(status="withdrawn")
        generation = ada_visits.send(LONG, release=release)
        wait_for(lambda: stack.upstream_state()["running"] == 1)
        time.sleep(0.5)

        admissions.revoke(Application.objects.get(applicant=lead), by=rosa, message="It was abused.")

        assert stops_within_a_second(stack)
        failed = ended(generation)
        assert (failed.status, failed.error_code) == (GenerationStatus.FAILED, "approved")

    def test_signing_out_stops_what_this_browser_asked_for(self, stack, ada_visits, release):
        generation = ada_visits.send(LONG, release=release)
        wait_for(lambda: stack.upstream_state()["running"] == 1)

        ada_visits.post("/accounts/logout/")

        assert stops_within_a_second(stack)
        assert ended(generation).status == GenerationStatus.CANCELLED

    def test_a_deleted_conversation_leaves_no_trace_in_valkey(self, stack, ada, ada_visits, release):
        generation = ada_visits.send(LONG, release=release)
        list(zip(range(3), ada_visits.events(generation), strict=False))

        ada_visits.post(f"/playground/{generation.turn.conversation_id}/delete/")

        assert stops_within_a_second(stack)
        wait_for(lambda: not Generation.objects.exists())
        time.sleep(0.5)
        assert ada_visits.get(f"/playground/generations/{generation.pk}/stream/").status_code == 404


@pytest.fixture
def running(ada, release):
    """An answer that is written for Ada, asked for in a session of her own."""
    asked = actions.send(wish(), by=ada, release=release, session_digest=stopping.session_digest(SESSION))
    return actions.begin(asked.pk)


def is_asked_to_stop(generation: Generation) -> bool:
    generation.refresh_from_db()
    return generation.cancel_requested_at is not None


def test_another_session_stops_nothing(running):
    assert stopping.stop_session("another") == 0
    assert stopping.stop_session(None) == 0
    assert not is_asked_to_stop(running)


def test_signing_out_ends_what_is_not_kept(ada, release, running, rf):
    actions.send(wish(is_unkept=True), by=ada, release=release)
    request = rf.get("/")
    request.session = SessionStore(SESSION)

    user_logged_out.send(sender=type(ada), request=request, user=ada)

    assert is_asked_to_stop(running)
    assert not Conversation.objects.filter(is_unkept=True).exists()


def test_a_session_ended_from_another_browser_stops_its_answers(ada, running):
    session = UserSession.objects.create(user=ada, session_key=SESSION, ip="127.0.0.1", user_agent="x")

    session.delete()

    assert is_asked_to_stop(running)


def test_a_new_password_stops_everything(as_ada, ada, running):
    answer = as_ada.post(
        "/accounts/password/change/",
        {"oldpassword": cast.PASSWORD, "password1": "another-long-one-9", "password2": "another-long-one-9"},
    )

    assert answer.status_code == 302
    assert is_asked_to_stop(running)
