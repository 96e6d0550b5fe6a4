"""Log-probabilities, JSON schemas, calls of tools and the raw mode, through the live worker."""

import json
from uuid import uuid4

import pytest

from playground import actions, probabilities, schemas
from playground.actions import Outcome
from playground.models import Generation
from playground.threads import messages_for
from tests.playground.conftest import wish
from tests.playground.stack import ended, wait_for

SCHEMA = {
    "type": "object",
    "properties": {"people": {"type": "array", "items": {"$ref": "#/$defs/person"}}},
    "required": ["people"],
    "$defs": {"person": {"type": "object", "properties": {"name": {"type": "string"}}}},
}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


def ask(visitor, release, prompt: str, **settings: str) -> Generation:
    """Send a message with settings and wait for the end."""
    visitor.get("/playground/")
    form = {
        "token": str(uuid4()),
        "release": release.slug,
        "prompt": prompt,
        "temperature": "0",
        "max_tokens": "50",
        **settings,
    }
    answer = visitor.post("/playground/send/", form)
    assert answer.status_code == 302, answer.text[:2000]
    return ended(Generation.objects.latest("queued_at"))


@pytest.mark.live
def test_every_setting_reaches_the_model_server_under_its_own_name(stack, ada_visits, release):
    settings = {
        "top_p": "0.9",
        "top_k": "40",
        "min_p": "0.05",
        "presence_penalty": "0.5",
        "frequency_penalty": "-0.5",
        "repetition_penalty": "1.1",
        "seed": "7",
        "stop": "END\r\n\r\nFIN",
        "json_schema": json.dumps(SCHEMA),
        "tools": json.dumps([TOOL]),
        "tool_choice": "required",
        "logprobs": "on",
        "top_logprobs": "3",
        "system_prompt": "Be kind.",
    }

    answer = ask(ada_visits, release, "words=2", **settings)

    body = stack.upstream_state()["bodies"][-1]
    salt = body.pop("cache_salt")
    assert len(salt) == 32
    assert body == {
        "model": release.slug,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "words=2"}],
        "temperature": 0.0,
        "max_tokens": 50,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
        "repetition_penalty": 1.1,
        "seed": 7,
        "stop": ["END", "FIN"],
        "tools": [TOOL],
        "tool_choice": "required",
        "logprobs": True,
        "top_logprobs": 3,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
    }
    assert answer.logprobs == [
        ["w0 ", -0.2, [["w0 ", -0.2], ["other", -1.8]]],
        ["w1 ", -0.2, [["w1 ", -0.2], ["other", -1.8]]],
    ]


@pytest.mark.live
def test_a_raw_prompt_is_completed_and_its_tokens_shown(stack, ada_visits, release):
    answer = ask(ada_visits, release, "words=2 Once", mode="raw", logprobs="on")

    body = stack.upstream_state()["bodies"][-1]
    assert (body["prompt"], body["logprobs"], "messages" in body) == ("words=2 Once", 5, False)
    assert answer.text == "w0 w1 "
    read = ada_visits.get(f"/playground/generations/{answer.pk}/prompt/").text
    assert "Your words as they are: the raw mode knows no chat template" in read
    page = ada_visits.get(f"/playground/generations/{answer.pk}/tokens/").text
    assert "81.9 %" in page
    assert "<code>other</code> 16.5 %" in page


@pytest.mark.live
def test_tools_are_called_and_told_what_they_returned(stack, ada_visits, release):
    answer = ask(ada_visits, release, "words=0 call=2", tools=json.dumps([TOOL]))

    assert [call["function"] for call in answer.tool_calls] == [{"name": "add", "arguments": '{"a": 1}'}] * 2
    assert answer.finish_reason == "tool_calls"
    page = ada_visits.get(f"/playground/{answer.turn.conversation_id}/").text
    assert page.count("Result of add (1 of 2)") == page.count("Result of add (2 of 2)") == 1
    results = {"token": str(uuid4()), "result_0": "3", "result_1": "words=2 four"}
    told = ada_visits.post(f"/playground/generations/{answer.pk}/results/", results)

    assert told.status_code == 302
    last = ended(Generation.objects.latest("queued_at"))
    assert messages_for(last)[-2:] == [
        {"role": "tool", "tool_call_id": "call-0", "content": "3"},
        {"role": "tool", "tool_call_id": "call-1", "content": "words=2 four"},
    ]
    assert last.text == "w0 w1 "
    wait_for(lambda: "words=2 four" in ada_visits.get(f"/playground/{answer.turn.conversation_id}/").text)


@pytest.mark.live
def test_the_prompt_is_shown_as_the_model_read_it_and_taken_into_the_raw_mode(stack, ada_visits, release):
    answer = ask(ada_visits, release, "words=1 Hello there")

    page = ada_visits.get(f"/playground/generations/{answer.pk}/prompt/").text
    raw = ada_visits.get(f"/playground/?release={release.slug}&raw_from={answer.pk}").text

    assert "&lt;user&gt; words=1 Hello there" in page
    assert "put into the model's chat template" in page
    assert "4 tokens" in page
    assert "&lt;user&gt; words=1 Hello there</textarea>" in raw
    assert '<option value="raw" selected>' in raw


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ('{"people": [{"name": "Ada"}]}', []),
        ('{"people": [{"name": "Ada"}, {"name": 5}]}', ["people[1].name"]),
        ("{}", ["the whole"]),
        ('{"people": [', [""]),
    ],
)
def test_an_answer_is_held_against_its_schema(text, paths):
    assert [fault.path for fault in schemas.faults(text, SCHEMA)] == paths


def test_a_schema_fetches_nothing_and_a_pattern_takes_no_time():
    elsewhere = {"$ref": "https://example.org/schema.json"}
    slow = {"type": "string", "pattern": "^(a+)+$"}

    assert schemas.faults("{}", elsewhere)[0].sentence == "The schema refers to something that is not in it."
    assert schemas.faults(json.dumps("a" * 50 + "!"), slow) == []
    assert (
        schemas.faults("1", {"$ref": "#"})[0].sentence == "The schema refers to something that is not in it."
    )


def test_whether_the_answer_fits_is_said_on_the_page(as_ada, ada, release):
    asked = actions.send(wish(json_schema=SCHEMA), by=ada, release=release)
    actions.finish(actions.begin(asked.pk), Outcome(text='{"people": [{"name": 5}]}'))

    page = as_ada.get(asked.turn.conversation.get_absolute_url()).content.decode()

    assert "The answer is not of the schema&#x27;s shape." in page or "is not of the schema's shape" in page
    assert "<code>people[0].name</code>" in page


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"json_schema": "{"}, "This is not JSON"),
        ({"json_schema": "[]"}, "Write a JSON object"),
        ({"json_schema": '{"type": "king"}'}, "This is not a JSON schema: type"),
        ({"tools": '{"a": 1}'}, "Write a JSON list"),
        ({"tools": '[{"type": "function"}]'}, "Write a JSON list"),
        ({"stop": "a\nb\nc\nd\ne"}, "Enter 4 lines at most."),
        ({"top_p": "0"}, "Enter a number from 0.01 to 1."),
        ({"seed": "-1"}, "Enter a number from 0 to 2,147,483,647."),
        ({"top_logprobs": "21"}, "less than or equal to 20"),
        ({"mode": "loud"}, "not one of the available choices"),
        ({"follows": "x"}, "Reload the page"),
    ],
)
def test_what_cannot_be_set_is_said_and_nothing_is_lost(as_ada, release, wrong, sentence):
    form = {
        "token": str(uuid4()),
        "release": release.slug,
        "prompt": "My long message",
        "temperature": "0",
        "max_tokens": "50",
    }

    answer = as_ada.post("/playground/send/", form | wrong)

    assert answer.status_code == 422
    page = answer.content.decode()
    assert sentence in page
    assert "My long message" in page
    assert Generation.objects.count() == 0


def test_tokens_are_banded_by_how_likely_they_were(ada, release):
    asked = actions.send(wish(), by=ada, release=release)
    rows = [["a", 0.0, []], ["b\n", -0.7, [["b\n", -0.7], ["c ", -1.0]]], ["", -9999.0, []]]
    actions.finish(actions.begin(asked.pk), Outcome(text="ab", logprobs=rows))
    asked.refresh_from_db()

    tokens = probabilities.tokens_of(asked)

    assert [(one.percent, one.band, one.has_break) for one in tokens] == [
        (100.0, 4, False),
        (49.7, 2, True),
        (0.0, 0, False),
    ]
    assert [(one.text, one.percent) for one in tokens[1].alternatives] == [("c␣", 36.8)]


@pytest.mark.parametrize("path", ["tokens/", "prompt/"])
def test_mallory_sees_nothing_behind_adas_answer(as_mallory, asked, path):
    assert as_mallory.get(f"/playground/generations/{asked.pk}/{path}").status_code == 404


def test_mallory_tells_adas_model_nothing(as_mallory, asked):
    answer = as_mallory.post(f"/playground/generations/{asked.pk}/results/", {"token": str(uuid4())})

    assert answer.status_code == 404
