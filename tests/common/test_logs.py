"""Logs hold no prompt, key or token, also when something breaks."""

import io
import logging

from portal.common.logs import configure


def test_log_of_a_crash_has_no_local_variables(capsys):
    configure({})
    stream = io.StringIO()
    handler = logging.getLogger().handlers[-1]
    handler.setStream(stream)

    prompt = "my secret prompt"
    try:
        raise RuntimeError("it broke")
    except RuntimeError:
        logging.getLogger("portal").exception("Something failed")

    assert "RuntimeError: it broke" in stream.getvalue()
    assert prompt not in stream.getvalue()
