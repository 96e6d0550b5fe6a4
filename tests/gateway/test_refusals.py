"""Who is kept out, and how they are told: keys, gates, models and paths."""

import http.client
import time
from datetime import timedelta
from urllib.parse import urlsplit

import httpx2 as httpx
import openai
import pytest
from django.utils import timezone
from openai import OpenAI

from portal.keys import actions, tokens
from portal.keys.models import ApiKey, Scope
from portal.releases import actions as releases
from portal.releases.models import ReleaseStatus
from portal.releases.safety import pausing, policies
from tests import cast
from tests.gateway.conftest import eventually, say
from tests.safety import cleared


def error_of(answer):
    error = answer.json()["error"]
    assert {"message", "type", "param", "code"} <= set(error)
    assert answer.headers["x-request-id"].startswith("req_")
    return error


def ask(raw, model="tiny", **headers):
    return raw.post("/v1/chat/completions", json={"model": model, "messages": say("hi")}, headers=headers)


def test_a_request_without_a_good_key_is_a_401(portal, release):
    expected = {
        "": "missing_key",
        "Basic b3drOg==": "missing_key",
        "Bearer": "missing_key",
        "Bearer sk-1234": "malformed_key",
        "Bearer owk_0123456789ab_" + "x" * 38: "malformed_key",
        "Bearer " + "x" * 5000: "malformed_key",
        f"Bearer {tokens.mint().token}": "unknown_key",
    }

    answers = {
        given: httpx.post(
            f"{portal}/v1/completions", json={"model": "tiny"}, headers={"Authorization": given}
        )
        for given in expected
    }

    assert {given: error_of(answer)["code"] for given, answer in answers.items()} == expected
    for answer in answers.values():
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert error_of(answer)["type"] == "authentication_error"
        assert error_of(answer)["link"] == "http://portal.example.org/keys/"


def test_a_request_without_an_authorization_header_is_a_401(portal):
    answer = httpx.get(f"{portal}/v1/models")

    assert (answer.status_code, error_of(answer)["code"]) == (401, "missing_key")


def test_a_wrong_secret_is_an_unknown_key(portal, key):
    forged = tokens.mint(public_id=key.key.public_id).token

    answer = httpx.get(f"{portal}/v1/models", headers={"Authorization": f"Bearer {forged}"})

    assert (answer.status_code, error_of(answer)["code"]) == (401, "unknown_key")


def test_an_expired_key_is_a_401(raw, key):
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(minutes=1))

    answer = raw.get("/v1/models")

    assert (answer.status_code, error_of(answer)["code"]) == (401, "expired_key")


def test_a_key_for_weights_is_a_403(portal, ada):
    made = actions.create(ada, name="weights", scopes=[Scope.WEIGHTS], by=ada)

    answer = httpx.get(f"{portal}/v1/models", headers={"Authorization": f"Bearer {made.token}"})

    assert (answer.status_code, error_of(answer)["code"]) == (403, "wrong_scope")
    assert "may not be used to call models through the API. Make one" in error_of(answer)["message"]


def test_a_key_of_another_network_is_a_403_within_a_second_of_the_change(raw, key, ada):
    assert raw.get("/v1/models").status_code == 200

    actions.change(key.key, name="calls", note="", networks=["203.0.113.0/24"], by=ada)

    eventually(lambda: ask(raw).status_code == 403, within_seconds=1)
    assert error_of(ask(raw))["code"] == "network_not_allowed"
    assert "127.0.0.1" in error_of(ask(raw))["message"]


def test_a_key_for_another_release_is_a_403_and_its_list_is_that_release(raw, key, ada, release):
    other = cast.release(slug="other")
    cast.accept(ada, other)
    cast.programme(other, slug="more")
    actions.change(key.key, name="calls", note="", releases=[other], by=ada)

    eventually(lambda: ask(raw).status_code == 403, within_seconds=1)
    assert error_of(ask(raw))["code"] == "release_not_allowed"
    assert [model["id"] for model in raw.get("/v1/models").json()["data"]] != ["tiny"]

    actions.change(key.key, name="calls", note="", releases=[release], by=ada)

    eventually(lambda: ask(raw).status_code == 200, within_seconds=1)
    assert [model["id"] for model in raw.get("/v1/models").json()["data"]] == ["tiny"]


def test_a_revocation_is_felt_within_a_second(raw, key, ada):
    assert raw.get("/v1/models").status_code == 200

    actions.revoke(key.key, by=ada)

    took = eventually(lambda: raw.get("/v1/models").status_code == 401, within_seconds=1)
    assert error_of(raw.get("/v1/models"))["code"] == "revoked_key"
    assert took < 1


def test_a_revoked_approval_is_felt_within_a_second_and_names_the_gate(raw, ada):
    assert ask(raw).status_code == 200

    ada.applications.update(status="revoked")

    eventually(lambda: ask(raw).status_code == 403, within_seconds=1.5)
    assert error_of(ask(raw))["code"] == "approved"


def withdraw(release, _):
    releases.withdraw(release, reason="It was unsafe.", by=None)


def pause(release, _):
    pausing.pause(release, reason="A report is being looked into.", by=None)


def demand_more(_, rosa):
    policies.put_in_force(cleared.TERMS, by=rosa)


@pytest.mark.parametrize(
    ("shut", "code", "sentence"),
    [
        (withdraw, "release_open", "has been withdrawn"),
        (pause, "release_open", "is paused: A report is being looked into."),
        (demand_more, "safety", "closed until its safety is signed off"),
    ],
)
def test_a_release_that_is_shut_is_shut_within_a_second(raw, release, rosa, *, shut, code, sentence):
    assert ask(raw).status_code == 200

    shut(release, rosa)

    eventually(lambda: ask(raw).status_code == 403, within_seconds=1.5)
    assert error_of(ask(raw))["code"] == code
    assert sentence in error_of(ask(raw))["message"]


def test_mallory_is_told_the_gate_and_its_step_by_the_real_client(portal, release, mallory):
    cast.programme(release)
    made = actions.create(mallory, name="calls", scopes=[Scope.INFERENCE], by=mallory)
    client = OpenAI(base_url=f"{portal}/v1", api_key=made.token, max_retries=0)

    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model="tiny", messages=say("hi"))

    assert refused.value.code == "approved"
    assert refused.value.body["link"] == "http://portal.example.org/apply/early-access/"
    assert "http://portal.example.org/apply/early-access/" in refused.value.message
    assert list(client.models.list()) == []


def test_a_deactivated_person_is_refused(raw, ada):
    ada.is_active = False
    ada.save()

    answer = ask(raw)

    assert (answer.status_code, error_of(answer)["code"]) == (403, "account_active")


def test_an_unknown_model_is_a_404(raw, release):
    for model in ("no-such-model", "tiny/../tiny", "a\0b", "x" * 10_000, "TINY", " tiny"):
        answer = ask(raw, model=model)

        assert (answer.status_code, error_of(answer)["code"]) == (404, "model_not_found"), model


def test_a_release_that_is_not_announced_is_unknown(raw, release):
    release.status = ReleaseStatus.DRAFT
    release.save()

    assert error_of(ask(raw))["code"] == "model_not_found"
    assert error_of(raw.get("/v1/models/tiny"))["code"] == "model_not_found"


CLOSED = [
    "/v1/invocations", "/v1/tokenize", "/v1/detokenize", "/v1/load_lora_adapter", "/v1/score", "/v1/rerank",
    "/v1/../health", "/v1/../invocations", "/v1/chat/../../tokenize", "/v1/%2e%2e/health",
    "/v1/chat%2fcompletions", "/v1/%63hat/completions", "/%76%31/completions", "/v1//chat/completions",
    "/v1/chat/completions/", "/v1/chat/completions;x", "/v1/chat/completions%00", "/v1/CHAT/completions",
    "/v1/responses/resp_1", "/v1/messages/batches", "/v1/messages/",
    "/v1/pooling", "/v1/classify", "/v1/audio/speech", "/v1/",
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_other_path_reaches_the_model_server(portal, key, state, method):
    # Not by httpx, which would tidy the path before it sends it.
    connection = http.client.HTTPConnection(urlsplit(portal).netloc, timeout=10)
    headers = {"Authorization": f"Bearer {key.token}", "Content-Type": "application/json"}

    for path in CLOSED:
        connection.request(method, path, body='{"model": "tiny", "messages": []}', headers=headers)
        answer = connection.getresponse()

        assert answer.status == 404, path
        assert b'"code": "unknown_url"' in answer.read(), path
    assert state()["seen"] == []


def test_the_model_servers_other_paths_are_not_the_portals(portal, key, state):
    headers = {"Authorization": f"Bearer {key.token}"}

    for path in ("/invocations", "/tokenize", "/metrics/x", "/load", "/version", "//v1/models"):
        assert httpx.get(f"{portal}{path}", headers=headers).status_code == 404, path
    assert state()["seen"] == []


def test_a_wrong_method_is_a_405(raw):
    answers = [raw.get("/v1/chat/completions"), raw.post("/v1/models"), raw.delete("/v1/models/tiny")]

    assert [answer.status_code for answer in answers] == [405, 405, 405]
    assert [answer.headers["allow"] for answer in answers] == ["POST", "GET", "GET"]


def test_no_refusal_is_slow(raw, key):
    began = time.monotonic()

    for _ in range(50):
        raw.get("/v1/models", headers={"Authorization": "Bearer nothing"})

    assert time.monotonic() - began < 3
