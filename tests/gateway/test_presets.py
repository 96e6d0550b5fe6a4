"""Requests that name a preset: what is filled in, whose presets count, and that others pass untouched."""

import json
import uuid

import httpx2 as httpx
import pytest
from openai import BadRequestError, NotFoundError

from playground import actions
from playground.batches.models import Batch
from playground.batches.validating import Fault, Reading
from playground.gateway import presets
from playground.gateway.dialects import CHAT, COMPLETIONS
from playground.gateway.errors import ApiError
from playground.gateway.presets import Found, find_preset, merged
from playground.models import PROMPT_MAX_CHARACTERS, PresetVersion
from playground.reference.examples import PRESET_ID, Language, examples_in
from portal.keys import actions as key_actions
from portal.keys import service_accounts
from portal.keys.models import Scope
from tests import cast
from tests.gateway.conftest import eventually, say
from tests.gateway.examples import require, run_code

pytestmark = [pytest.mark.live]
SETTINGS = {
    "system_prompt": "Be brief.",
    "temperature": 0.2,
    "max_tokens": 30,
    "stop": ["END"],
    "mode": "chat",
}
FOUND = Found(SETTINGS, "Tell me of {{topic}}.", "tiny")


@pytest.fixture
def version(ada, release) -> PresetVersion:
    """A preset of Ada's with a variable."""
    prompt = "Tell me of {{topic}}. words=3"
    return actions.save_preset("Brief", by=ada, settings=SETTINGS, prompt=prompt, release=release)


def ask(raw, path="/v1/chat/completions", **fields):
    return raw.post(path, json=fields)


def sent(state):
    """The fields of the last request that reached the model server."""
    return json.loads(state()["seen"][-1]["body"])


def code_of(answer):
    return answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["param"]


def test_a_preset_fills_in_what_the_request_leaves_open(raw, version, state):
    name = version.preset.preset_id

    answer = ask(raw, preset_id=name, variables={"topic": "{{sea}}", "more": "x"})

    assert answer.status_code == 200, answer.text
    body = sent(state)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Tell me of {{sea}}. words=3"},
    ]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("tiny-served", 0.2, 30)
    assert body["stop"] == ["END"]
    assert body.keys().isdisjoint({"preset_id", "preset_version", "variables"})


def test_what_the_request_sets_is_its_own(raw, version, state):
    messages = [{"role": "developer", "content": "Be long."}, *say("words=2")]

    answer = ask(
        raw,
        model="tiny",
        preset_id=version.preset.preset_id,
        messages=messages,
        temperature=None,
        max_completion_tokens=9,
        stop=[],
    )

    assert answer.status_code == 200, answer.text
    body = sent(state)
    assert body["messages"] == messages
    assert body["temperature"] is None
    assert body["stop"] == []
    assert "max_tokens" not in body


def test_the_system_prompt_goes_before_messages_that_have_none(raw, version, state):
    ask(raw, preset_id=version.preset.preset_id, messages=say("words=1"))

    assert sent(state)["messages"] == [
        {"role": "system", "content": "Be brief."},
        *say("words=1"),
    ]


def test_completions_take_the_prompt_alone(raw, version, state):
    answer = ask(raw, "/v1/completions", preset_id=version.preset.preset_id, variables={"topic": "it"})

    assert answer.status_code == 200, answer.text
    body = sent(state)
    assert body["prompt"] == "Tell me of it. words=3"
    assert "messages" not in body


def test_the_newest_version_counts_within_a_second_unless_one_is_named(raw, version, state):
    preset = version.preset
    ask(raw, preset_id=preset.preset_id, messages=say("words=1"))
    actions.save_version(preset, settings={**SETTINGS, "temperature": 1.5}, release=version.release)

    def is_new():
        ask(raw, preset_id=preset.preset_id, messages=say("words=1"))
        return sent(state)["temperature"] == 1.5

    assert eventually(is_new, within_seconds=3) < 2
    ask(raw, preset_id=preset.preset_id, preset_version=1, messages=say("words=1"))
    assert sent(state)["temperature"] == 0.2


def test_unknown_presets_are_told_in_openais_shape(client, raw, version, state):
    name = version.preset.preset_id
    with pytest.raises(NotFoundError) as told:
        client.chat.completions.create(
            model="tiny", messages=say("words=1"), extra_body={"preset_id": "preset_" + "0" * 24}
        )
    assert (told.value.code, told.value.param) == ("preset_not_found", "preset_id")
    with pytest.raises(BadRequestError) as missing:
        client.chat.completions.create(model="tiny", messages=[], extra_body={"preset_id": name})
    assert (missing.value.code, missing.value.param) == ("missing_variable", "variables")
    assert "“topic”" in missing.value.message

    assert code_of(ask(raw, preset_id=name, preset_version=2)) == (404, "preset_not_found", "preset_id")
    assert code_of(ask(raw, preset_id=name + "\x00")) == (404, "preset_not_found", "preset_id")
    assert code_of(ask(raw, preset_id=7)) == (400, "invalid_type", "preset_id")
    assert code_of(ask(raw, preset_id=name, preset_version=True)) == (400, "invalid_type", "preset_version")
    assert code_of(ask(raw, preset_id=name, variables={"topic": 1})) == (400, "invalid_type", "variables")
    answer = ask(raw, "/v1/embeddings", model="tiny", input="a", preset_id=name)
    assert code_of(answer) == (400, "field_not_allowed", "preset_id")
    assert state()["seen"] == []


def test_a_preset_that_was_unknown_is_known_at_once_when_it_is_taken_out_again(raw, version):
    name = version.preset.preset_id
    actions.archive_preset(version.preset, is_archived=True)
    assert code_of(ask(raw, preset_id=name, variables={"topic": "it"}))[1] == "preset_not_found"

    actions.archive_preset(version.preset, is_archived=False)

    assert ask(raw, preset_id=name, variables={"topic": "it"}).status_code == 200


def test_another_developer_does_not_reach_adas_preset(portal, version, release, state):
    berta = cast.developer("berta@example.org", release)
    key = key_actions.create(berta, name="calls", scopes=[Scope.INFERENCE], by=berta)

    with httpx.Client(base_url=portal, headers={"Authorization": f"Bearer {key.token}"}) as hers:
        answer = ask(hers, model="tiny", preset_id=version.preset.preset_id, messages=say("words=1"))

    assert code_of(answer) == (404, "preset_not_found", "preset_id")
    assert state()["seen"] == []


def test_a_service_accounts_key_reaches_what_its_people_reach_and_no_more(
    portal, ada, version, release, state
):
    grace, berta = (cast.developer(f"{name}@example.org", release) for name in ("grace", "berta"))
    bot = service_accounts.create(ada, name="nightly evaluation")
    service_accounts.join(bot, user=grace)
    hers, not_hers = (
        actions.save_preset("Brief", by=by, settings=SETTINGS, prompt="words=2", release=release).preset
        for by in (grace, berta)
    )
    key = key_actions.create(ada, name="bot", scopes=[Scope.INFERENCE], by=grace, service_account=bot)

    with httpx.Client(base_url=portal, headers={"Authorization": f"Bearer {key.token}"}) as bots:
        of_owner = ask(bots, preset_id=version.preset.preset_id, variables={"topic": "it"})
        of_member = ask(bots, preset_id=hers.preset_id)
        filled = sent(state)["messages"]
        of_stranger = ask(bots, preset_id=not_hers.preset_id)
        service_accounts.remove(bot, member=grace, by=grace)
        took = eventually(lambda: ask(bots, preset_id=hers.preset_id).status_code == 404, within_seconds=3)

    assert [answer.status_code for answer in (of_owner, of_member)] == [200, 200]
    assert filled == [{"role": "system", "content": "Be brief."}, *say("words=2")]
    assert code_of(of_stranger) == (404, "preset_not_found", "preset_id")
    assert took < 2


def test_a_members_own_key_does_not_reach_the_presets_of_the_others(portal, ada, version, release, state):
    grace = cast.developer("grace@example.org", release)
    service_accounts.join(service_accounts.create(ada, name="nightly evaluation"), user=grace)
    key = key_actions.create(grace, name="calls", scopes=[Scope.INFERENCE], by=grace)

    with httpx.Client(base_url=portal, headers={"Authorization": f"Bearer {key.token}"}) as hers:
        answer = ask(hers, model="tiny", preset_id=version.preset.preset_id, messages=say("words=1"))

    assert code_of(answer) == (404, "preset_not_found", "preset_id")
    assert state()["seen"] == []


def test_what_is_filled_in_is_guarded_and_held(raw, ada, release, state):
    # A preset cannot hold these, since its settings are named; whatever it holds is looked at again.
    huge = actions.save_preset(
        "Huge", by=ada, settings={"max_tokens": 10**9}, prompt="words=1", release=release
    )
    answer = ask(raw, preset_id=huge.preset.preset_id, n=100)

    assert code_of(answer) == (400, "invalid_value", "n")
    assert state()["seen"] == []


def test_a_request_without_a_preset_passes_byte_for_byte(raw, state):
    told = '{"model": "tiny-served",  "messages":[{"role":"user","content":"words=1"}], "variables": {"a":1}}'

    answer = raw.post("/v1/chat/completions", content=told, headers={"content-type": "application/json"})

    assert answer.status_code == 200, answer.text
    assert state()["seen"][-1]["body"].endswith(told[1:])


@pytest.mark.parametrize("language", Language)
def test_the_example_runs(language, portal, key, version, tmp_path):
    require(language)
    example = next(
        one
        for one in examples_in(language, model="tiny", base_url=f"{portal}/v1")
        if one.topic.name == "presets"
    )

    done = run_code(
        language,
        example.code.replace(PRESET_ID, version.preset.preset_id),
        key=key.token,
        folder=tmp_path / "example",
    )

    assert done.returncode == 0, done.stderr
    assert "w0 w1 w2" in done.stdout


def test_settings_of_the_other_mode_are_left_out():
    settings = {"tools": [{"type": "function"}], "tool_choice": "auto", "logprobs": True, "top_logprobs": 3}
    found = Found(settings, "Hi", "")

    raw = merged(COMPLETIONS, {"preset_id": "x"}, found)
    chat = merged(CHAT, {"preset_id": "x", "tools": [], "logprobs": False}, found)

    assert raw == {"logprobs": 3, "prompt": "Hi"}
    assert chat == {"tools": [], "logprobs": False, "messages": say("Hi")}


def test_a_line_of_a_batch_is_refused():
    body = {"model": "tiny", "messages": say("Hi"), "preset_id": PRESET_ID}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}

    with pytest.raises(Fault) as fault:
        Reading(Batch(endpoint="/v1/chat/completions")).take(1, 0, json.dumps(line).encode())

    assert (fault.value.code, fault.value.param) == ("field_not_allowed", "body.preset_id")


def test_a_long_value_in_many_places_is_refused_before_it_is_joined():
    found = Found({}, "{{a}}" * 1000, "")

    with pytest.raises(ApiError) as refusal:
        merged(CHAT, {"preset_id": "x", "variables": {"a": "b" * PROMPT_MAX_CHARACTERS}}, found)

    assert (refusal.value.code, refusal.value.param) == ("prompt_too_long", "variables")


def test_a_look_up_is_one_query(version, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = find_preset((version.preset.user_id, None, version.preset.preset_id, None))

    assert found == Found(SETTINGS, version.prompt, "tiny")


def test_ids_are_as_the_gateway_reads_them(version):
    assert presets.PRESET_ID.fullmatch(version.preset.preset_id)
    assert presets.PRESET_ID.fullmatch(PRESET_ID)
    assert not presets.PRESET_ID.fullmatch(str(uuid.uuid4()))
    assert json.loads(json.dumps(version.settings)) == SETTINGS
