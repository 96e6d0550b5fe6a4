"""The list of conversations: searched, renamed, pinned, deleted, exported, imported, and nobody else's."""

import json
from io import BytesIO

import pytest
from django.contrib.postgres.search import SearchQuery
from django.db import connection

from playground import actions
from playground.actions import Outcome
from playground.importing import NotReadable, read
from playground.models import Conversation, Generation, GenerationStatus, Turn
from playground.models.generations import words_of
from playground.searching import matching
from playground.threads import exchanges
from tests.playground.conftest import wish


def talk(user, release, prompt: str, answer: str, **more) -> Conversation:
    """One exchange."""
    asked = actions.send(wish(prompt, **more), by=user, release=release)
    actions.finish(actions.begin(asked.pk), Outcome(text=answer, finish_reason="stop"))
    return asked.turn.conversation


def found(user, text: str) -> set[str]:
    return {one.title for one in matching(Conversation.objects.visible_to(user).talks(), text)}


@pytest.fixture
def talks(ada, release):
    """Three conversations of Ada's."""
    return [
        talk(ada, release, "Why is the sky blue?", "Rayleigh scattering."),
        talk(ada, release, "Name a teapot", "Utah, of course."),
        talk(ada, release, "Größe der Sonne", "1,4 Millionen km"),
    ]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("rayleigh", {"Why is the sky blue?"}),
        ("RAYL", {"Why is the sky blue?"}),
        ("blue sky", {"Why is the sky blue?"}),
        ("utah course", {"Name a teapot"}),
        ("größe", {"Größe der Sonne"}),
        ("teapot sky", set()),
        ("' | ! & <-> :*", {"Why is the sky blue?", "Name a teapot", "Größe der Sonne"}),
        ("", {"Why is the sky blue?", "Name a teapot", "Größe der Sonne"}),
    ],
)
def test_ada_finds_what_was_said(ada, talks, text, titles):
    assert found(ada, text) == titles


@pytest.mark.parametrize(("model", "column"), [(Turn, "prompt"), (Generation, "text")])
def test_the_search_is_by_the_index(talks, model, column):
    wanted = SearchQuery("sky:*", config="simple", search_type="raw")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = model.objects.annotate(words=words_of(column)).filter(words=wanted).explain()

    assert {"prompt": "words_of_turns", "text": "words_of_answers"}[column] in plan


def test_nobody_finds_what_is_adas(mallory, talks):
    assert found(mallory, "sky") == set()


def test_the_list_asks_as_often_for_many_as_for_few(
    as_ada, ada, release, talks, django_assert_max_num_queries
):
    with django_assert_max_num_queries(9):
        page = as_ada.get("/playground/conversations/?q=sky")
    assert b"Why is the sky blue?" in page.content
    assert b"teapot" not in page.content

    fragment = as_ada.get("/playground/conversations/?q=teapot", headers={"HX-Request": "true"})
    assert fragment.content.decode().strip().startswith('<ul id="talk-list"')
    assert b"Name a teapot" in fragment.content


def test_ada_renames_pins_and_deletes(as_ada, ada, talks):
    one = talks[0]
    assert as_ada.post(f"/playground/{one.pk}/rename/", {"title": "Skies"}).status_code == 302
    assert as_ada.post(f"/playground/{one.pk}/pin/").status_code == 302
    first = Conversation.objects.visible_to(ada).talks()[0]
    assert (first.pk, first.title) == (one.pk, "Skies")

    assert b"Skies" in as_ada.get(f"/playground/{one.pk}/delete/").content
    assert as_ada.post(f"/playground/{one.pk}/delete/").headers["Location"] == "/playground/"
    assert not Conversation.objects.filter(pk=one.pk).exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "rename/"),
        ("post", "pin/"),
        ("get", "delete/"),
        ("post", "delete/"),
        ("get", "conversation.json"),
        ("get", "conversation.md"),
    ],
)
def test_mallory_gets_nothing_of_adas(as_mallory, talks, method, path):
    answer = getattr(as_mallory, method)(f"/playground/{talks[0].pk}/{path}", {"title": "x"})

    assert answer.status_code == 404
    assert Conversation.objects.count() == 3


def test_how_long_conversations_are_kept_is_remembered(as_ada, ada):
    assert as_ada.post("/playground/conversations/keep-for/", {"retention_days": "30"}).status_code == 302
    assert ada.playground_preferences.retention_days == 30
    assert b'<option value="30" selected>' in as_ada.get("/playground/conversations/").content

    as_ada.post("/playground/conversations/keep-for/", {"retention_days": ""})
    ada.playground_preferences.refresh_from_db()
    assert ada.playground_preferences.retention_days is None

    as_ada.post("/playground/conversations/keep-for/", {"retention_days": "-5"})
    ada.playground_preferences.refresh_from_db()
    assert ada.playground_preferences.retention_days is None


def test_what_is_exported_can_be_imported_again(as_ada, ada, release):
    one = talk(ada, release, "Hello", "Hi", system_prompt="Be kind.", temperature=0.3)
    exported = as_ada.get(f"/playground/{one.pk}/conversation.json")
    assert exported.headers["Content-Disposition"] == 'attachment; filename="hello.json"'
    assert json.loads(exported.content)["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
    ]

    file = BytesIO(exported.content)
    file.name = "hello.json"
    answer = as_ada.post("/playground/conversations/import/", {"file": file, "release": release.slug})

    made = Conversation.objects.exclude(pk=one.pk).get()
    assert answer.headers["Location"] == made.get_absolute_url()
    assert (made.settings["system_prompt"], made.settings["temperature"]) == ("Be kind.", 0.3)
    assert [(one.turn.prompt, one.generation.text) for one in exchanges(made)] == [("Hello", "Hi")]
    answer = Generation.objects.get(turn__conversation=made)
    assert (answer.status, answer.is_imported) == (GenerationStatus.DONE, True)
    assert b"Hello" in as_ada.get(made.get_absolute_url()).content


def test_the_exported_markdown_is_readable(as_ada, ada, release):
    one = talk(ada, release, "Hello", "**Hi**")

    text = as_ada.get(f"/playground/{one.pk}/conversation.md").content.decode()

    assert text.startswith("# Hello\n\nWith Tiny, ")
    assert text.endswith("## You\n\nHello\n\n## Tiny\n\n**Hi**\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("nope", "This is not JSON"),
        ("[]", "There are no messages"),
        ('{"messages": [{"role": "king", "content": "x"}]}', "Message 1 has no role that is known"),
        ('[{"role": "assistant", "content": "x"}]', "nothing was said before it"),
        ('[{"role": "system", "content": "x"}]', "Nobody says anything"),
        ('[{"role": "user", "content": 5}]', "The content of message 1 is neither text"),
        ("3", "There are no messages"),
    ],
)
def test_a_file_that_is_no_conversation_says_why(as_ada, ada, release, content, sentence):
    file = BytesIO(content.encode())
    file.name = "x.json"

    answer = as_ada.post("/playground/conversations/import/", {"file": file, "release": release.slug})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert Conversation.objects.count() == 0
    with pytest.raises(NotReadable, match=sentence):
        read(content.encode())


def test_messages_of_one_person_in_a_row_become_one_and_parts_their_text():
    messages = [
        {"role": "user", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "3"},
        {"role": "assistant", "content": "three"},
    ]

    said = read(json.dumps(messages).encode()).said

    assert [(one.prompt, one.text, len(one.tool_calls), one.tool_results) for one in said] == [
        ("a\n\nb", "", 1, []),
        ("", "three", 0, [{"tool_call_id": "1", "content": "3"}]),
    ]


def test_mallory_imports_nothing_where_she_may_not_enter(as_mallory, release):
    file = BytesIO(b'[{"role": "user", "content": "x"}]')
    file.name = "x.json"

    answer = as_mallory.post("/playground/conversations/import/", {"file": file, "release": release.slug})

    assert answer.status_code == 422
    assert Conversation.objects.count() == 0
