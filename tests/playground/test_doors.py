"""The playground's pages: what Ada sees, what nobody else does, and what is kept when something is wrong."""

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from playground import actions
from playground.actions import Outcome
from playground.models import Conversation, Generation, GenerationStatus
from portal.admissions.models import Application, ApplicationStatus
from tests import cast
from tests.playground.conftest import wish


def form(release, **changes):
    usual = {
        "token": str(uuid4()),
        "release": release.slug,
        "conversation": "",
        "prompt": "Hello",
        "system_prompt": "",
        "temperature": "0.7",
        "max_tokens": "100",
    }
    return usual | changes


def failed(generation) -> Generation:
    actions.fail(
        actions.begin(generation.pk),
        Outcome(text="half an answer", error_code="model_lost", error_sentence="It broke off."),
    )
    return Generation.objects.get(pk=generation.pk)


def test_ada_finds_her_release_ready_to_be_asked(as_ada, release):
    answer = as_ada.get("/playground/")

    assert answer.status_code == 200
    assert "Try Tiny" in answer.text
    assert 'name="prompt"' in answer.text


def test_ada_chooses_among_the_releases_open_to_her_only(as_ada, ada, release):
    other = cast.release("other", under=release.licence)
    hidden = cast.release("hidden")
    release.programmes.first().releases.add(other)

    page = as_ada.get("/playground/?release=other").text

    assert '<option value="other" selected>' in page
    assert "Tiny" in page
    assert hidden.name not in page


@pytest.mark.parametrize("path", ["/playground/", "/playground/?release=tiny"])
def test_mallory_sees_what_is_missing(as_mallory, release, path):
    answer = as_mallory.get(path)

    assert answer.status_code == 403
    assert 'data-gate="approved"' in answer.text
    assert 'name="prompt"' not in answer.text


def test_a_stranger_is_sent_to_sign_in(client, db):
    answer = client.get("/playground/")

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/playground/")


def test_ada_sends_without_a_script_and_comes_to_her_conversation(as_ada, release):
    answer = as_ada.post("/playground/send/", form(release))

    talk = Conversation.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/playground/{talk.pk}/")
    page = as_ada.get(answer["Location"]).text
    generation = Generation.objects.get()
    assert f'data-stream="/playground/generations/{generation.pk}/stream/"' in page
    assert f'formaction="/playground/generations/{generation.pk}/cancel/"' in page


def test_ada_sends_with_a_script_and_gets_the_turn_alone(as_ada, release):
    answer = as_ada.post("/playground/send/", form(release), headers={"HX-Request": "true"})

    talk = Conversation.objects.get()
    assert answer.status_code == 200
    assert answer["HX-Push-Url"] == talk.get_absolute_url()
    assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#thread", "beforeend")
    assert "<html" not in answer.text
    assert f'value="{talk.pk}"' in answer.text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"temperature": "2.1"}, "Enter a temperature from 0 to 2."),
        ({"temperature": "warm"}, "Enter a temperature from 0 to 2."),
        ({"temperature": "nan"}, "Enter a temperature from 0 to 2."),
        ({"max_tokens": "0"}, "greater than or equal to 1"),
        ({"max_tokens": "2049"}, "Enter a number from 1 to 2,048."),
        ({"prompt": " \n "}, "Type a message first."),
        ({"prompt": "x" * 100_001}, "at most 100000 characters"),
        ({"prompt": "nul \x00"}, "Null characters are not allowed."),
    ],
)
@pytest.mark.parametrize("scripted", [True, False])
def test_what_ada_typed_is_kept_when_something_is_wrong_with_it(as_ada, release, changes, sentence, scripted):
    typed = form(release, system_prompt="Be kind, please.", **changes)
    headers = {"HX-Request": "true"} if scripted else {}

    answer = as_ada.post("/playground/send/", typed, headers=headers)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "Be kind, please." in answer.text
    assert f'value="{typed["temperature"]}"' in answer.text
    assert typed["token"] in answer.text
    assert Generation.objects.count() == 0


@pytest.mark.parametrize("changes", [{"token": "not-a-token"}, {"token": ""}])
def test_a_tampered_token_is_refused(as_ada, release, changes):
    assert as_ada.post("/playground/send/", form(release, **changes)).status_code == 422


@pytest.mark.parametrize(
    "named", ["not-an-id", "0302eebd-17a2-4ae5-91eb-8d17ad45026e", "../../etc/passwd", "1"]
)
def test_a_tampered_conversation_is_not_found(as_ada, release, named):
    answer = as_ada.post("/playground/send/", form(release, conversation=named))

    assert answer.status_code == 404


def test_an_unknown_release_is_not_found(as_ada, release):
    assert as_ada.post("/playground/send/", form(release) | {"release": "nothing"}).status_code == 404


def test_mallory_is_refused_with_the_missing_gate(as_mallory, release):
    answer = as_mallory.post("/playground/send/", form(release), headers={"HX-Request": "true"})

    assert answer.status_code == 403
    assert 'data-refusal="approved"' in answer.text
    assert Generation.objects.count() == 0


def test_mallory_finds_none_of_adas_things(as_mallory, release, asked):
    talk = asked.turn.conversation
    doors = [
        ("get", f"/playground/{talk.pk}/"),
        ("get", reverse("playground_answer", args=[asked.pk])),
        ("post", reverse("playground_cancel", args=[asked.pk])),
        ("post", reverse("playground_retry", args=[asked.pk])),
    ]

    assert [getattr(as_mallory, verb)(path).status_code for verb, path in doors] == [404] * 4
    assert as_mallory.post("/playground/send/", form(release, conversation=str(talk.pk))).status_code == 404
    asked.refresh_from_db()
    assert asked.status == GenerationStatus.QUEUED
    assert as_mallory.get(reverse("playground_model_status", args=[release.slug])).status_code == 403


def test_a_session_that_ended_while_typing_gives_the_words_back(release, db):
    typed = form(release, prompt="A long thought", system_prompt="Be kind.")

    plain = Client().post("/playground/send/", typed)
    scripted = Client().post("/playground/send/", typed, headers={"HX-Request": "true"})

    assert (plain.status_code, scripted.status_code) == (401, 401)
    assert "A long thought" in plain.text
    assert "Be kind." in plain.text
    assert "data-signed-out" in scripted.text
    assert "<html" not in scripted.text


def test_ada_stops_and_asks_again_without_a_script(as_ada, asked):
    talk = asked.turn.conversation

    stopped = as_ada.post(reverse("playground_cancel", args=[asked.pk]))
    page = as_ada.get(talk.get_absolute_url()).text
    again = as_ada.post(reverse("playground_retry", args=[asked.pk]))

    assert (stopped.status_code, again.status_code) == (302, 302)
    assert "You stopped this before the model said anything. No tokens were held for it yet." in page
    assert Generation.objects.count() == 2


def test_ada_stops_too_late_and_gets_the_whole_answer(as_ada, asked):
    actions.finish(actions.begin(asked.pk), Outcome(text="All of it."))

    answer = as_ada.post(reverse("playground_cancel", args=[asked.pk]), headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert "All of it." in answer.text
    assert Generation.objects.get().status == GenerationStatus.DONE


def test_a_failed_answer_keeps_its_text_and_offers_a_retry(as_ada, asked):
    page = as_ada.get(failed(asked).turn.conversation.get_absolute_url()).text

    assert "half an answer" in page
    assert "It broke off." in page
    assert reverse("playground_retry", args=[asked.pk]) in page


def test_a_finished_answer_is_markdown_that_cannot_do_harm(as_ada, asked):
    text = "**bold** <script>alert(1)</script> [x](javascript:alert(1)) ![i](https://evil.example/i.png)"
    outcome = Outcome(text=text, finish_reason="stop", prompt_tokens=7, completion_tokens=9)
    actions.finish(actions.begin(asked.pk), outcome)

    page = as_ada.get(asked.turn.conversation.get_absolute_url()).text
    prose = page.partition("answer-prose")[2].partition("</div>")[0]

    assert "<strong>bold</strong>" in prose
    assert "<script" not in prose
    assert "<a href=" not in prose
    assert "<img" not in prose
    assert "7 tokens" in page
    assert "9 tokens" in page


def test_an_old_talk_is_read_but_not_continued_once_access_is_gone(as_ada, ada, asked):
    failed(asked)
    Application.objects.filter(applicant=ada).update(status=ApplicationStatus.REVOKED)

    page = as_ada.get(asked.turn.conversation.get_absolute_url()).text

    assert "half an answer" in page
    assert 'data-gate="approved"' in page
    assert 'id="composer"' not in page


@pytest.mark.parametrize("count", [1, 3])
def test_a_talk_costs_the_same_queries_however_long(
    as_ada, ada, release, count, django_assert_max_num_queries
):
    talk = None
    for number in range(count):
        generation = actions.send(wish(f"Turn {number}"), by=ada, release=release, conversation=talk)
        actions.finish(actions.begin(generation.pk), Outcome(text="Yes."))
        talk = generation.turn.conversation

    with django_assert_max_num_queries(14):
        assert as_ada.get(talk.get_absolute_url()).status_code == 200
