"""What a body may not ask: told as a 400, and never passed on; and what parts people's caches."""

import json

import pytest

from playground.gateway import guarding
from playground.gateway.errors import ApiError
from portal.keys import actions
from portal.keys.models import Scope
from tests import cast

PNG = "data:image/png;base64,iVBORw0KGgo="


def image(address):
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": address}}]}]


def refused(**fields):
    with pytest.raises(ApiError) as refusal:
        guarding.require_harmless(fields)
    return refusal.value.code, refusal.value.param


@pytest.mark.parametrize("name", guarding.REFUSED_FIELDS)
def test_fields_that_steer_the_engine_are_refused(name):
    assert refused(**{name: {"a": 1}}) == ("field_not_allowed", name)
    guarding.require_harmless({name: None})


@pytest.mark.parametrize("name", ["n", "best_of"])
def test_the_number_of_answers_is_capped(name, settings):
    guarding.require_harmless({name: settings.GATEWAY_N_MAX})

    assert refused(**{name: settings.GATEWAY_N_MAX + 1}) == ("invalid_value", name)


@pytest.mark.parametrize(
    "address",
    [
        "http://media.example.org/a.png", "https://169.254.169.254/", "https://media.example.org.evil.org/a",
        "https://media.example.org:8443/a", "https://media.example.org@evil.org/a", "file:///etc/a", "//x/y",
        "https://[::1/a", "https://media.example.org:port/", "", "ftp://media.example.org/a", "HTTPS://EVIL.ORG/",
    ],
)  # fmt: skip
def test_media_from_elsewhere_is_refused(address, settings):
    settings.GATEWAY_MEDIA_DOMAINS = ["media.example.org"]

    assert refused(messages=image(address)) == ("media_not_allowed", "messages")


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": "http://evil.org/a"},
        {"type": "input_image", "image_url": "http://evil.org/a"},
        {"type": "video_url", "video_url": {"url": "http://evil.org/a"}},
        {"type": "audio_url", "audio_url": {"url": "http://evil.org/a"}},
        {"type": "image", "source": {"type": "url", "url": "http://evil.org/a"}},
        {
            "type": "tool_result",
            "content": [{"type": "image", "source": {"type": "url", "url": "http://evil.org/"}}],
        },
        {"image_url": {"url": "http://evil.org/a"}},
        [[[{"x": {"y": [{"image_url": "http://evil.org/a"}]}}]]],
    ],
)
@pytest.mark.parametrize("name", ["messages", "input"])
def test_media_are_found_in_every_form_and_depth(part, name):
    assert refused(**{name: [{"role": "user", "content": [part]}]}) == ("media_not_allowed", name)


def test_media_from_a_known_host_and_within_the_body_pass(settings):
    guarding.require_harmless({"messages": image(PNG)})
    settings.GATEWAY_MEDIA_DOMAINS = ["media.example.org"]

    guarding.require_harmless({"messages": image("https://Media.Example.org/a.png?b=c")})
    guarding.require_harmless({"messages": [{"role": "user", "content": "See http://evil.org/a.png"}]})
    guarding.require_harmless(
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "http://x"}]}]}
    )


def test_a_hostile_body_goes_no_further(raw, state):
    for fields in ({"n": 17}, {"request_id": "req_1"}, {"messages": image("http://169.254.169.254/")}):
        body = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]} | fields
        answer = raw.post("/v1/chat/completions", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
    assert state()["seen"] == []


def test_each_person_has_a_cache_of_their_own(raw, portal, key, release, state):
    other = actions.create(
        cast.developer("grace@example.org", release), name="g", scopes=[Scope.INFERENCE], by=None
    )
    body = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "cache_salt": "mine"}
    for token in (key.token, key.token, other.token):
        raw.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {token}"})

    first, again, others = (json.loads(seen["body"])["cache_salt"] for seen in state()["seen"])
    assert first == again
    assert len({first, others, "mine"}) == 3
