"""What the portal writes into its log while it answers and fails: never a prompt, a key or an answer."""

import time

from portal.keys import tokens
from portal.local.preflight import free_port
from tests.gateway.conftest import say

PROMPT = "a-prompt-that-is-nobodys-business"


def test_neither_prompts_nor_keys_are_logged(raw, key, release, portal_log):
    stranger = tokens.mint().token
    body = {"model": "tiny", "messages": say(PROMPT)}
    answers = [
        raw.post("/v1/chat/completions", json=body),
        raw.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {stranger}"}),
        raw.post("/v1/chat/completions", json=body | {"stream": "yes"}),
        raw.post("/v1/chat/completions", content=f'{{"model": "tiny" {PROMPT}'.encode()),
        raw.post("/v1/chat/completions", json=body | {"messages": say(f"status=500 {PROMPT}")}),
        raw.get(f"/v1/models/{PROMPT}"),
    ]
    release.backend_url = f"http://127.0.0.1:{free_port()}"
    release.save()
    time.sleep(1.1)
    away = raw.post("/v1/chat/completions", json=body)

    logged = portal_log.read_text()
    assert [answer.status_code for answer in answers] == [200, 401, 400, 415, 502, 404]
    assert away.headers["x-request-id"] in logged
    for secret in (PROMPT, key.token, stranger, "w0 w1"):
        assert secret not in logged
