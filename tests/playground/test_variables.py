"""Variables in messages: the fields offered, what is sent, and what is kept when a value is missing."""

import re
from uuid import uuid4

import pytest

from playground import actions
from playground.message_forms import VARIABLES_MAX
from playground.models import PROMPT_MAX_CHARACTERS, Comparison, Conversation, Generation, Turn

SEND = "/playground/send/"
FIELDS = "/playground/variables/"
COMPARE = "/playground/compare/"
HTMX = {"HX-Request": "true"}
MISSING = "Give it a value, or send the braces as they are."


def typed(prompt, **changes):
    usual = {"release": "tiny", "token": str(uuid4()), "temperature": "0.2", "max_tokens": "30"}
    return {**usual, "prompt": prompt, **changes}


def columns(prompt, **changes):
    facts = {"columns": "2", "token": str(uuid4()), "prompt": prompt}
    for number in range(2):
        facts |= {f"c{number}-model": "tiny", f"c{number}-temperature": "1", f"c{number}-max_tokens": "9"}
    return facts | changes


def values_in(page):
    """The values of the variables' fields, by name."""
    return dict(re.findall(r'<textarea name="variable-(\w+)"[^>]*>\r?\n?([^<]*)</textarea>', page))


def sent_in(page):
    """What the page says would be sent."""
    told = re.search(r'aria-label="What is sent">(.*?)</pre>', page, re.DOTALL)
    return re.sub("<[^>]*>", "", told[1]) if told else None


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_missing_value_is_asked_for_and_nothing_is_lost(as_ada, release, headers):
    asked = typed("Greet {{name}} in {{place}}", **{"variable-place": "Köln"})

    answer = as_ada.post(SEND, asked, headers=headers)

    assert answer.status_code == 422
    assert values_in(answer.text) == {"name": "", "place": "Köln"}
    assert answer.text.count(MISSING) == 2
    assert f"name: {MISSING}" in answer.text
    assert "Greet {{name}} in {{place}}</textarea>" in answer.text
    assert sent_in(answer.text) == "Greet {{name}} in Köln"
    assert Generation.objects.count() == 0


def test_a_message_is_sent_filled_in(as_ada, release):
    values = {"variable-name": "{{place}}", "variable-place": "a\r\nb"}

    answer = as_ada.post(SEND, typed(r"Greet {{name}} in {{ place }}, not \{{this}}", **values))

    assert answer.status_code == 302
    assert Turn.objects.get().prompt == "Greet {{place}} in a\nb, not {{this}}"
    assert Conversation.objects.get().title == "Greet {{place}} in a"


def test_braces_are_sent_as_they_are_when_the_person_says_so(as_ada, release):
    text = r"Write Jinja for {{ name }} and \{{x}}"

    as_ada.post(SEND, typed(text, is_literal="on"))

    assert Turn.objects.get().prompt == text


@pytest.mark.parametrize("text", ["{{a b}} and {x} and {{}}", "}} {{", "\\frac{{a}{b}}"])
def test_what_is_no_variable_is_sent_as_it_is(as_ada, release, text):
    assert as_ada.post(SEND, typed(text)).status_code == 302
    assert Turn.objects.get().prompt == text


def test_an_edited_message_keeps_its_braces(as_ada, asked):
    talk = asked.turn.conversation
    actions.cancel(asked, by=talk.user)
    page = as_ada.get(talk.get_absolute_url()).text
    edit = page.partition('name="is_branch"')[2]

    as_ada.post(SEND, typed("About {{x}}", conversation=str(talk.pk), is_branch="1", is_literal="1"))

    assert 'name="is_literal" value="1"' in edit.partition("</form>")[0]
    assert Turn.objects.latest("created_at").prompt == "About {{x}}"


def test_a_preset_with_variables_opens_with_their_fields(as_ada, ada, release):
    version = actions.save_preset("Greet", by=ada, settings={"max_tokens": 9}, prompt="Hi {{name}}")

    page = as_ada.get(f"/playground/?preset={version.preset_id}").text

    assert values_in(page) == {"name": ""}
    assert sent_in(page) == "Hi {{name}}"
    assert MISSING not in page


def test_fields_come_with_what_was_typed_into_them(as_ada, ada):
    asked = {"prompt": "{{a}} {{b}} {{a}}", "variable-a": "<b>1</b>", "variable-gone": "x"}

    shown = as_ada.post(FIELDS, asked)
    literal = as_ada.post(FIELDS, asked | {"is_literal": "on"}).text
    plain = as_ada.post(FIELDS, {"prompt": "Hello"}).text

    assert values_in(shown.text) == {"a": "&lt;b&gt;1&lt;/b&gt;", "b": ""}
    assert sent_in(shown.text) == "&lt;b&gt;1&lt;/b&gt; {{b}} &lt;b&gt;1&lt;/b&gt;"
    assert MISSING not in shown.text
    assert "no-store" in shown["Cache-Control"]
    assert (values_in(literal), sent_in(literal), "checked" in literal) == ({}, None, True)
    assert "<fieldset" not in plain


def test_fields_are_for_people_who_signed_in(client):
    assert client.post(FIELDS, {"prompt": "{{a}}"}).status_code == 401


def test_a_value_in_many_places_neither_fills_the_memory_nor_is_sent(as_ada, release):
    prompt = "{{a}}" * 10_000
    long = {"variable-a": "x" * PROMPT_MAX_CHARACTERS}

    shown = as_ada.post(FIELDS, {"prompt": prompt, **long})
    answer = as_ada.post(SEND, typed(prompt, **long))

    assert sent_in(shown.text) is None
    assert answer.status_code == 422
    assert f"The filled prompt is longer than {PROMPT_MAX_CHARACTERS:,} characters." in answer.text
    assert Generation.objects.count() == 0


def test_more_variables_than_anybody_fills_in_are_refused_in_a_sentence(as_ada, release):
    answer = as_ada.post(SEND, typed(" ".join(f"{{{{v{one}}}}}" for one in range(VARIABLES_MAX + 1))))

    assert answer.status_code == 422
    assert f"A message has {VARIABLES_MAX} variables at most." in answer.text
    assert values_in(answer.text) == {}


def test_a_value_of_nothing_but_space_asks_nothing(as_ada, release):
    answer = as_ada.post(SEND, typed("{{a}}", **{"variable-a": "  "}))

    assert (answer.status_code, Generation.objects.count()) == (422, 0)


def test_a_comparison_asks_all_columns_the_filled_message(as_ada, release):
    missing = as_ada.post(COMPARE, columns("Hi {{name}}"))
    as_ada.post(COMPARE, columns("Hi {{name}}", **{"variable-name": "Ada"}))

    assert missing.status_code == 422
    assert values_in(missing.text) == {"name": ""}
    assert MISSING in missing.text
    assert [turn.prompt for turn in Turn.objects.all()] == ["Hi Ada", "Hi Ada"]
    assert Comparison.objects.count() == 1


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_the_next_round_of_a_comparison_is_filled_too(as_ada, release, headers):
    as_ada.post(COMPARE, columns("Hi"))
    for answer in Generation.objects.all():
        actions.cancel(answer, by=answer.turn.conversation.user)
    page = f"{Comparison.objects.get().get_absolute_url()}send/"
    asked = {"prompt": "And {{name}}?", "token": str(uuid4())}

    missing = as_ada.post(page, asked, headers=headers)
    as_ada.post(page, asked | {"variable-name": "Berta"}, headers=headers)

    assert missing.status_code == 422
    assert values_in(missing.text) == {"name": ""}
    assert "And {{name}}?</textarea>" in missing.text
    assert sorted(turn.prompt for turn in Turn.objects.all()) == ["And Berta?", "And Berta?", "Hi", "Hi"]


def test_a_column_added_without_scripts_keeps_the_values(as_ada, release):
    page = as_ada.post(f"{COMPARE}?change=add", columns("Hi {{name}}", **{"variable-name": "Ada"})).text

    assert values_in(page) == {"name": "Ada"}
    assert page.count("</legend>") == 4
