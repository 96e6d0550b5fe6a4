"""A conversation is a tree: turns edited, answers asked for again and continued, and every branch walked."""

import pytest

from playground import actions
from playground.actions import Outcome
from playground.models import Generation, GenerationStatus, Turn
from playground.prompting import body_for
from playground.threads import Tree, exchanges, messages_for
from portal.common.refusals import Refusal
from tests.playground.conftest import wish


def answered(generation: Generation, text: str, **more: object) -> Generation:
    """The generation with its answer."""
    actions.finish(actions.begin(generation.pk), Outcome(text=text, finish_reason="stop", **more))
    return Generation.objects.with_story().get(pk=generation.pk)


@pytest.fixture
def talk(ada, release):
    """Two exchanges of Ada's."""
    first = answered(actions.send(wish("One"), by=ada, release=release), "1")
    conversation = first.turn.conversation
    second = answered(actions.send(wish("Two"), by=ada, release=release, conversation=conversation), "2")
    return conversation, first, second


def told(conversation, **where) -> list[tuple[str, str]]:
    """What the page shows: what was said and what was answered."""
    return [(one.turn.prompt, one.generation.text) for one in exchanges(conversation, **where)]


def test_an_edited_turn_stands_beside_the_old_one(ada, release, talk):
    conversation, first, second = talk
    edit = wish("Two, again", follows=first.pk)

    other = answered(actions.send(edit, by=ada, release=release, conversation=conversation), "2b")

    assert told(conversation) == [("One", "1"), ("Two, again", "2b")]
    assert told(conversation, through=second.pk) == [("One", "1"), ("Two", "2")]
    newest = exchanges(conversation)[-1].turn_versions
    assert (newest.number, newest.count, newest.before, newest.after) == (2, 2, second.pk, None)
    assert messages_for(other) == [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "Two, again"},
    ]


def test_the_first_turn_can_be_edited_too(ada, release, talk):
    conversation, first, _ = talk

    answered(
        actions.send(wish("Uno", follows="start"), by=ada, release=release, conversation=conversation), "I"
    )

    assert told(conversation) == [("Uno", "I")]
    assert told(conversation, through=first.pk) == [("One", "1"), ("Two", "2")]


def test_a_second_answer_stands_beside_the_first_with_a_seed_of_its_own(ada, talk):
    conversation, _, second = talk

    other = answered(actions.regenerate(second, by=ada), "2!")

    assert (other.turn_id, told(conversation)) == (second.turn_id, [("One", "1"), ("Two", "2!")])
    assert other.params["seed"] != second.params["seed"]
    assert {**other.params, "seed": 0} == {**second.params, "seed": 0}
    versions = exchanges(conversation, through=second.pk)[-1].answer_versions
    assert (versions.number, versions.count, versions.after) == (1, 2, other.pk)


def test_a_seed_that_was_set_stays_and_new_settings_count(ada, release):
    asked = answered(actions.send(wish(seed=7), by=ada, release=release), "x")

    again = answered(actions.regenerate(asked, by=ada), "x")
    cooler = actions.regenerate(asked, by=ada, settings={"temperature": 0, "max_tokens": 5})

    assert (again.params["seed"], "seed_is_drawn" in again.params) == (7, False)
    assert (cooler.params["temperature"], cooler.params["max_tokens"]) == (0, 5)


def test_an_answer_in_the_middle_is_asked_for_again_without_losing_what_follows(ada, talk):
    conversation, first, second = talk

    other = answered(actions.regenerate(first, by=ada), "1!")

    assert told(conversation) == [("One", "1!")]
    assert told(conversation, through=first.pk) == [("One", "1"), ("Two", "2")]
    assert Tree(conversation).end_of(first.pk) == second.pk
    assert Tree(conversation).end_of(other.pk) == other.pk


def test_the_model_goes_on_where_an_answer_ended(ada, release):
    cut = answered(actions.send(wish("Count"), by=ada, release=release), "1, 2")

    longer = actions.go_on(cut, by=ada)

    assert longer.prefix == "1, 2"
    body = body_for(longer)
    assert body["messages"] == [
        {"role": "user", "content": "Count"},
        {"role": "assistant", "content": "1, 2"},
    ]
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_there_is_nothing_to_go_on_from_without_text(ada, asked):
    actions.fail(actions.begin(asked.pk), Outcome(error_code="model_away"))
    asked.refresh_from_db()

    with pytest.raises(Refusal) as refused:
        actions.go_on(asked, by=ada)

    assert refused.value.code == "nothing_to_continue"


def test_nothing_branches_while_an_answer_is_written(ada, talk):
    _, first, second = talk
    actions.regenerate(second, by=ada)

    for verb in (actions.regenerate, actions.go_on):
        with pytest.raises(Refusal) as refused:
            verb(first, by=ada)
        assert refused.value.code == "answer_not_ended"


def test_mallory_cannot_continue_an_answer_of_adas(ada, mallory, release, talk):
    _, _, second = talk
    another = answered(actions.send(wish("Mine"), by=ada, release=release), "m")

    with pytest.raises(Refusal) as refused:
        actions.send(wish(follows=second.pk), by=ada, release=release, conversation=another.turn.conversation)

    assert refused.value.code == "answer_gone"
    assert Turn.objects.filter(conversation=another.turn.conversation).count() == 1


def test_the_results_of_tools_follow_their_calls(ada, release):
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    asked = answered(actions.send(wish("Add"), by=ada, release=release), "", tool_calls=[call])
    result = wish("", tool_results=({"tool_call_id": "c1", "content": "3"},))

    last = actions.send(result, by=ada, release=release, conversation=asked.turn.conversation)

    assert messages_for(last) == [
        {"role": "user", "content": "Add"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "3"},
    ]


def test_a_raw_prompt_goes_to_the_model_as_it_is(ada, release):
    raw = actions.send(wish("Once upon", mode="raw", logprobs=True, stop=["."]), by=ada, release=release)

    assert body_for(raw) == {
        "model": "tiny",
        "prompt": "Once upon",
        "temperature": 0.7,
        "max_tokens": 100,
        "stop": ["."],
        "seed": raw.params["seed"],
        "logprobs": 5,
    }


def test_ada_walks_the_branches_on_the_page(ada, release, talk, client):
    conversation, first, second = talk
    answered(
        actions.send(
            wish("Two, again", follows=first.pk), by=ada, release=release, conversation=conversation
        ),
        "2b",
    )
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")

    newest = client.get(conversation.get_absolute_url()).content.decode()
    older = client.get(f"{conversation.get_absolute_url()}?at={second.pk}").content.decode()
    walked = client.get(f"{conversation.get_absolute_url()}?at={second.pk}", headers={"HX-Request": "true"})

    assert "Two, again" in newest
    assert f"?at={second.pk}" in newest
    assert "Two, again" not in older
    assert walked.content.decode().strip().startswith('<ol id="thread"')
    assert f'value="{second.pk}"' in walked.content.decode()


def test_ada_edits_without_scripts_and_her_settings_stay(ada, release, talk, client):
    conversation, first, _ = talk
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(
        "/playground/send/",
        {
            "token": "3f0f1a52-8f0e-4d8a-9f51-0c8a3d3f6c11",
            "conversation": str(conversation.pk),
            "follows": str(first.pk),
            "is_branch": "1",
            "prompt": "Otherwise",
        },
    )

    assert answer.status_code == 302
    newest = Generation.objects.get(status=GenerationStatus.QUEUED)
    assert (newest.turn.prompt, newest.turn.follows_id, newest.params["max_tokens"]) == (
        "Otherwise",
        first.pk,
        100,
    )


def test_regenerating_with_a_setting_out_of_range_says_so(ada, talk, client):
    _, _, second = talk
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(
        f"/playground/generations/{second.pk}/regenerate/",
        {"temperature": "9", "max_tokens": "10"},
        headers={"HX-Request": "true"},
    )

    assert answer.status_code == 422
    assert "Enter a temperature from 0 to 2." in answer.content.decode()
    assert Generation.objects.count() == 2


@pytest.mark.parametrize("verb", ["regenerate", "continue", "retry", "cancel"])
def test_mallory_touches_no_answer_of_adas(mallory, talk, client, verb):
    _, _, second = talk
    client.force_login(mallory, backend="django.contrib.auth.backends.ModelBackend")

    assert client.post(f"/playground/generations/{second.pk}/{verb}/").status_code == 404
