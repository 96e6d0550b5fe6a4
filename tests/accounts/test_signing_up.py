"""Signing up: the address is proved by a link before anything else happens."""

import re
from urllib.parse import urlsplit

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.celery import app
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb

NEWCOMER = {"full_name": "Nora Newcomer", "email": "Nora@Example.org", "password1": "a-fine-long-password"}


@pytest.fixture(autouse=True)
def _mail_leaves_at_once():
    """The task is called in this process here; tests/journey sends mail through a live worker."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def post(client, path, data, capture):
    with capture(execute=True):
        return client.post(path, data)


def link_in(message) -> str:
    return urlsplit(re.search(r"https?://\S+/accounts/confirm-email/\S+", message.body).group()).path


def test_newcomer_verifies_the_address_by_the_mailed_link(db, mailoutbox, django_capture_on_commit_callbacks):
    client = Client()

    signed_up = post(client, "/accounts/signup/", NEWCOMER, django_capture_on_commit_callbacks)
    user = User.objects.get()
    verified_before = user.has_verified_email()
    client.post(link_in(mailoutbox[0]))

    assert (signed_up.status_code, signed_up.url) == (302, "/accounts/confirm-email/")
    assert (user.email, user.full_name) == ("nora@example.org", "Nora Newcomer")
    assert (verified_before, user.has_verified_email()) == (False, True)
    assert list(Entry.objects.order_by("number").values_list("verb", flat=True)) == [
        Verb.ACCOUNT_CREATED,
        Verb.EMAIL_VERIFIED,
    ]


def test_newcomer_cannot_sign_in_before_verifying(db, mailoutbox, django_capture_on_commit_callbacks):
    client = Client()
    post(client, "/accounts/signup/", NEWCOMER, django_capture_on_commit_callbacks)

    credentials = {"login": "nora@example.org", "password": NEWCOMER["password1"]}
    answer = post(Client(), "/accounts/login/", credentials, django_capture_on_commit_callbacks)

    assert (answer.status_code, answer.url) == (302, "/accounts/confirm-email/")
    assert client.get("/dashboard/").status_code == 302


def test_newcomer_with_a_taken_address_learns_nothing(
    mallory, mailoutbox, django_capture_on_commit_callbacks
):
    """The page is the same as for a free address; the owner gets a mail instead."""
    taken = NEWCOMER | {"email": "MALLORY@example.org"}

    answer = post(Client(), "/accounts/signup/", taken, django_capture_on_commit_callbacks)

    assert (answer.status_code, answer.url) == (302, "/accounts/confirm-email/")
    assert User.objects.count() == 1
    assert [message.to for message in mailoutbox] == [["mallory@example.org"]]


@pytest.mark.parametrize("password", ["short", "password123", "1234567890"])
def test_newcomer_with_a_weak_password_keeps_what_was_typed(db, password):
    answer = Client().post("/accounts/signup/", NEWCOMER | {"password1": password})

    assert answer.status_code == 200
    assert 'value="Nora Newcomer"' in answer.content.decode()
    assert not User.objects.exists()


def test_stale_confirmation_link_offers_the_next_step(db):
    answer = Client().get("/accounts/confirm-email/not-a-key/")

    assert answer.status_code == 200
    assert "/accounts/email/" in answer.content.decode()


def test_address_is_one_account_whatever_its_case(mallory):
    assert User.objects.get_by_natural_key("Mallory@Example.ORG") == mallory
