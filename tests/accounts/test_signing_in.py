"""Signing in by password and by code, and the pages of the second factor."""

import re

import pytest
from django.test import Client

from portal.celery import app
from tests import cast


@pytest.fixture(autouse=True)
def _mail_leaves_at_once():
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def test_mallory_signs_in_by_password_in_any_case(mallory):
    client = Client()

    answer = client.post("/accounts/login/", {"login": "MALLORY@example.org", "password": cast.PASSWORD})

    assert (answer.status_code, answer.url) == (302, "/dashboard/")
    assert client.get("/dashboard/").status_code == 200


def test_mallory_signs_in_by_a_mailed_code(mallory, mailoutbox, django_capture_on_commit_callbacks):
    client = Client()
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/accounts/login/code/", {"email": "mallory@example.org"})
    code = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", mailoutbox[0].body, re.MULTILINE).group(1)

    answer = client.post("/accounts/login/code/confirm/", {"code": code})

    assert (answer.status_code, answer.url) == (302, "/dashboard/")


def test_wrong_password_is_refused_and_the_address_kept(mallory):
    answer = Client().post("/accounts/login/", {"login": "mallory@example.org", "password": "wrong-password"})

    assert answer.status_code == 200
    assert "mallory@example.org" in answer.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/sessions/",
        "/accounts/3rdparty/",
    ],
)
def test_mallory_reaches_every_security_page(mallory, path):
    client = Client()
    client.post("/accounts/login/", {"login": "mallory@example.org", "password": cast.PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": cast.PASSWORD})

    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/dashboard/", "/keys/", "/playground/", "/console/", "/usage/", "/accounts/email/"]
)
def test_stranger_is_sent_to_sign_in_and_back(db, path):
    answer = Client().get(path)

    assert answer.status_code == 302
    assert answer.url == f"/accounts/login/?next={path}"


@pytest.mark.parametrize("path", ["/console/", "/console/ledger/"])
def test_mallory_may_not_enter_the_console(as_mallory, path):
    assert as_mallory.get(path).status_code == 403


def test_reviewer_may_not_read_the_ledger(as_rosa):
    assert as_rosa.get("/console/").status_code == 200
    assert as_rosa.get("/console/ledger/").status_code == 403
