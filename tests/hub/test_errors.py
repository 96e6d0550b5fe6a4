"""A refusal in the Hub's own form, whatever server sends it."""

import json

import pytest
from django.db import OperationalError

from portal.common.refusals import Refusal
from portal.hub.errors import hub_door, one_line, told
from portal.hub.shelf import NotThere
from portal.keys.refusals import KeyRefusal

COMMIT = "a" * 40


@pytest.fixture(autouse=True)
def _at_a_public_address(settings):
    settings.PORTAL_URL = "https://portal.example.org"


def test_a_gate_is_told_with_its_link_and_reference():
    answer = told(
        Refusal("approved", "Wait a\n “moment”…", status=403, remedy="/apply/", reference="REQ-1"),
        request_id="7",
    )

    sentence = 'Wait a "moment"... https://portal.example.org/apply/ (reference REQ-1)'
    assert answer.status == 403
    assert answer.headers == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Error-Message": sentence,
        "X-Error-Code": "GatedRepo",
        "X-HF-Warning": f"access; {sentence}",
        "X-Request-Id": "7",
    }
    assert json.loads(answer.body) == {"error": sentence, "gate": "approved"}


def test_a_reference_that_the_sentence_has_is_not_said_again():
    answer = told(Refusal("approved", "REQ-1 waits.", status=403, reference="REQ-1"))

    assert answer.headers["X-Error-Message"] == "REQ-1 waits."
    assert "X-Request-Id" not in answer.headers


def test_a_long_sentence_keeps_its_link():
    answer = told(Refusal("approved", "long " * 1000, status=403, remedy="/apply/"))

    assert len(answer.headers["X-Error-Message"]) < 1100
    assert answer.headers["X-Error-Message"].endswith(" https://portal.example.org/apply/")


@pytest.mark.parametrize("code", ["unknown_key", "malformed_key"])
def test_an_unknown_token_has_no_code_and_the_words_that_clients_know(code):
    answer = told(KeyRefusal(code, "No such key."))

    assert answer.status == 401
    assert "X-Error-Code" not in answer.headers
    assert answer.headers["X-Error-Message"] == "Invalid credentials in Authorization header"
    assert answer.headers["X-HF-Warning"] == "access; No such key. https://portal.example.org/keys/"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("code", "commit"), [("EntryNotFound", COMMIT), ("RepoNotFound", "")])
def test_what_is_not_there_is_no_denial(code, commit):
    missing = NotThere(code, "Not found", status=404)
    missing.commit = commit

    answer = told(missing)

    assert answer.headers["X-Error-Code"] == code
    assert answer.headers.get("X-Repo-Commit", "") == commit
    assert "X-HF-Warning" not in answer.headers


@pytest.mark.parametrize("status", [400, 405, 416, 422, 429, 503])
def test_what_is_neither_a_gate_nor_missing_has_no_code(status):
    answer = told(Refusal("busy", "Later.", status=status))

    assert (answer.status, answer.headers["X-Error-Message"]) == (status, "Later.")
    assert "X-Error-Code" not in answer.headers
    assert "WWW-Authenticate" not in answer.headers


def test_a_database_that_is_away_is_told_as_such(rf):
    def view(request):
        raise OperationalError

    response = hub_door(view)(rf.get("/hub/api/whoami-v2", headers={"X-Amzn-Trace-Id": "7"}))

    assert (response.status_code, response["X-Request-Id"]) == (503, "7")
    assert json.loads(response.content)["gate"] == "database_unavailable"


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a\0b", "caf\u00e9 \u2014 \u65e5\u672c", "\ud800"])
def test_no_text_breaks_out_of_a_header(text):
    line = one_line(text)

    assert line.isascii()
    assert "\r" not in line
    assert "\n" not in line
