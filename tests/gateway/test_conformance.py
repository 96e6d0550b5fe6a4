"""What vLLM answers and what the gateway answers to the same request, field by field."""

import json
import math
import re
from typing import Any

import httpx2 as httpx
import pytest

from portal.releases.models import Release
from tests.gateway.conformance import ANSWERED, REFUSED, TABLE, Case

pytestmark = [pytest.mark.model, pytest.mark.live]

MODEL = "smollm2-135m-instruct"
# Each answer has its own, wherever it is asked.
OF_ONE_ANSWER = frozenset({"id", "created", "request_id"})
# The engine's arithmetic depends a little on what else it holds in its caches.
PROBABILITIES_DIFFER_BY = 0.05
# So two tokens that are as likely change places; what the gateway does, it does each time.
TRIES = 4
COUNT_OF_FIELDS = re.compile(r"<dict of \d+ items>")


@pytest.fixture(autouse=True)
def _served(release: Release, vllm_url: str) -> None:
    """The release is served by the real model."""
    release.backend_url, release.served_model_name = vllm_url, MODEL
    release.save()


@pytest.fixture
def at_vllm(vllm_url):
    """Asks vLLM itself."""
    with httpx.Client(base_url=vllm_url, timeout=60) as client:
        yield client


def ask(client: httpx.Client, case: Case, *, model: str) -> httpx.Response:
    """Send a case's request as it is; `model` is the name at this door."""
    body = case.body
    if isinstance(body, dict):
        body = json.dumps({"model": model} | body).encode()
    headers = {"Content-Type": "application/json"} | case.headers
    content = body.replace(b"MODEL", model.encode())
    return client.request(case.method, case.path, content=content, headers=headers)


def told(response: httpx.Response) -> Any:
    """An answer as data: an event stream as the list of its events, those of one choice together.

    The order in which a chunk of one choice follows that of another is the engine's whim.
    """
    if not response.headers["content-type"].startswith("text/event-stream"):
        return response.json()
    events = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    read = [event if event == "[DONE]" else json.loads(event) for event in events]
    return sorted(read, key=_choice_of)


def _choice_of(event: Any) -> float:
    choices = event.get("choices") if isinstance(event, dict) else None
    return choices[0]["index"] if choices else math.inf


def differences(theirs: Any, ours: Any, *, at: str = "", aside: frozenset[str] = OF_ONE_ANSWER) -> list[str]:
    """Where two answers differ, ids and times aside: a line each."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return [
            line
            for name in sorted({*theirs, *ours})
            if name not in aside
            for line in differences(
                theirs.get(name, "(none)"), ours.get(name, "(none)"), at=f"{at}.{name}", aside=aside
            )
        ]
    if isinstance(theirs, list) and isinstance(ours, list):
        lines = [] if len(theirs) == len(ours) else [f"{at}: {len(theirs)} and {len(ours)} of them"]
        pairs = enumerate(zip(theirs, ours, strict=False))
        return lines + [
            line for index, (a, b) in pairs for line in differences(a, b, at=f"{at}[{index}]", aside=aside)
        ]
    if isinstance(theirs, float) and isinstance(ours, float):
        is_close = math.isclose(theirs, ours, abs_tol=PROBABILITIES_DIFFER_BY)
        return [] if is_close else [f"{at}: {theirs} and {ours}"]
    return [] if theirs == ours else [f"{at}: {theirs!r} and {ours!r}"]


def as_openai_tells(error: dict[str, Any]) -> dict[str, Any]:
    """Turn vLLM's error into what the gateway passes on: OpenAI's type, a code in words, a bare parameter."""
    # The gateway adds a salt for the caches, and vLLM tells how many fields a body has.
    message, param = COUNT_OF_FIELDS.sub("<dict>", error["message"]), error["param"]
    is_context = "maximum context length" in message
    return {
        "message": message,
        "type": "invalid_request_error",
        "param": param.removeprefix("body.") if param else param,
        "code": "context_length_exceeded" if is_context else "refused_by_model",
    }


def compared(case: Case, theirs: httpx.Response, ours: httpx.Response) -> list[str]:
    """What is wrong with the gateway's answer to `case`."""
    if case.own is not None:
        status, code = case.own
        found = ours.json().get("error", {}).get("code", "") if "json" in ours.headers["content-type"] else ""
        return [] if (ours.status_code, found) == (status, code) else [f"{ours.status_code} {found}"]
    if theirs.status_code != ours.status_code:
        return [f"{theirs.status_code} and {ours.status_code}: {ours.text[:200]}"]
    if theirs.is_success:
        kinds = [answer.headers["content-type"] for answer in (theirs, ours)]
        aside = OF_ONE_ANSWER | case.aside
        return differences(told(theirs), told(ours), aside=aside) + (
            [] if len(set(kinds)) == 1 else [f"{kinds}"]
        )
    given = ours.json()["error"]
    known = {name: given.get(name) for name in ("message", "type", "param", "code")}
    known["message"] = COUNT_OF_FIELDS.sub("<dict>", known["message"].partition(" See http")[0])
    return differences(as_openai_tells(theirs.json()["error"]), known)


@pytest.mark.parametrize("cases", [ANSWERED, REFUSED], ids=["answered", "refused"])
def test_the_gateway_answers_as_vllm_does_or_says_why_not(raw, at_vllm, cases):
    wrong = []
    for case in cases:
        for _ in range(TRIES):
            theirs, ours = ask(at_vllm, case, model=MODEL), ask(raw, case, model="tiny")
            lines = compared(case, theirs, ours)
            if not lines:
                break
        if cases is ANSWERED and not theirs.is_success:
            wrong.append(f"{case.name}: vLLM refuses it: {theirs.text[:200]}")
        wrong += [f"{case.name}: {line}" for line in lines]

    assert wrong == [], "\n".join(wrong)


def test_the_table_is_long_and_each_deviation_has_a_reason():
    assert len(TABLE) >= 60
    assert len({case.name for case in TABLE}) == len(TABLE)
    assert all(bool(case.why) == (case.own is not None or bool(case.aside)) for case in TABLE)
