"""Logs hold no prompt, key or token, also when something breaks."""

import io
import logging

import pytest
import structlog

from portal.common.logs import configure, drop_beginnings, hide_secrets

WORDS = ("my", "secret", "prompt")


def answer(prompt):
    raise RuntimeError("it broke")


@pytest.mark.parametrize("as_json", [True, False])
def test_log_of_a_crash_has_its_traceback_and_no_local_variables(settings, as_json):
    settings.LOG_JSON = as_json
    configure({})
    prompt = " ".join(WORDS)
    written = io.StringIO()
    logging.getLogger().handlers[-1].setStream(written)

    try:
        answer(prompt)
    except RuntimeError:
        logging.getLogger("portal").exception("Something failed")

    assert "RuntimeError: it broke" in written.getvalue()
    assert "in answer" in written.getvalue()
    assert prompt not in written.getvalue()
    assert written.getvalue().startswith("{") == as_json


@pytest.mark.parametrize(
    ("request_line", "logged"),
    [
        ("GET /accounts/confirm-email/MQ:1x:abc/", "GET /accounts/confirm-email/[hidden]/"),
        ("GET /accounts/password/reset/key/1-set-abc/", "GET /accounts/password/reset/key/[hidden]/"),
        ("GET /hub/links/abc.secret/a%20b.txt", "GET /hub/links/[hidden]/a%20b.txt"),
        ("GET /events/?q=a%20b", "GET /events/?[hidden]"),
        ("GET /events/", "GET /events/"),
    ],
)
def test_log_of_a_request_has_no_secret_of_its_address(request_line, logged):
    assert hide_secrets(None, "", {"request": request_line}) == {"request": logged}


def test_log_of_a_refused_link_does_not_hold_it(client, settings, db):
    configure({})
    written = io.StringIO()
    logging.getLogger().handlers[-1].setStream(written)
    secret = "0" * 12 + "." + "s" * 32

    answer = client.get(f"/hub/links/{secret}/model.safetensors", headers={"Accept": "text/html"})

    assert answer.status_code == 404
    assert "/hub/links/[hidden]/model.safetensors" in written.getvalue()
    assert secret not in written.getvalue()


def test_a_request_that_streams_has_no_line_for_its_beginning():
    with pytest.raises(structlog.DropEvent):
        drop_beginnings(None, "", {"event": "streaming_started"})
    assert drop_beginnings(None, "", {"event": "streaming_finished"}) == {"event": "streaming_finished"}
