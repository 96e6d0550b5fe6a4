"""Logs hold no prompt, key or token, also when something breaks."""

import io
import logging

import pytest

from portal.common.logs import configure

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
