"""The Hub's form: cards as people write them, and both round trips."""

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.admissions.models import Application, Programme, Question, RuleSet
from portal.admissions.programmes import gating, taking_over
from portal.admissions.programmes.gating import TEXTS, Card, Field, Option, dump, parse
from portal.admissions.rules import actions as rules
from portal.common.refusals import Refusal
from portal.common.transitions import LostRace
from portal.ledger.models import Entry
from tests import cast

EXAMPLE = """\
---
license: other
tags: [text-generation]
extra_gated_heading: "Acknowledge the licence"
extra_gated_prompt: >-
  You agree not to harm
  anybody.
extra_gated_fields:
  Company: text
  Country: country
  Where: ip_location
  Date of birth: date_picker
  Agreed?: {type: checkbox}
  I want to use this model for:
    type: select
    options:
      - Research
      - No
      - label: Other
        value: other
extra_gated_button_content: Send
---
# A model
"""
READ = Card(
    fields=(
        Field("Company", "text"),
        Field("Country", "country"),
        Field("Where", "ip_location"),
        Field("Date of birth", "date_picker"),
        Field("Agreed?", "checkbox"),
        Field(
            "I want to use this model for",
            "select",
            (Option("Research"), Option("No"), Option("Other", "other")),
        ),
    ),
    texts={
        "extra_gated_heading": "Acknowledge the licence",
        "extra_gated_prompt": "You agree not to harm anybody.",
        "extra_gated_button_content": "Send",
    },
)


def normal(text: str) -> str:
    return " ".join(text.split())


storable = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
labels = st.text(storable, min_size=1, max_size=30).map(normal).filter(bool)
options = st.lists(
    st.builds(Option, labels, st.just("") | st.text(storable, min_size=1, max_size=9)),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.label,
).map(lambda found: tuple(Option(one.label, "" if one.value == one.label else one.value) for one in found))
fields = st.one_of(
    st.builds(Field, labels, st.sampled_from([one for one in gating.TYPES if one != "select"])),
    st.builds(Field, labels, st.just("select"), options),
)
texts = st.dictionaries(
    st.sampled_from(TEXTS),
    st.text(storable, min_size=1, max_size=60).map(lambda text: text.replace("\r", "").strip()).filter(bool),
)
many_fields = st.lists(fields, min_size=1, max_size=5, unique_by=lambda one: one.label.casefold())
cards = st.builds(lambda found, told: Card(tuple(found), told), many_fields, texts)


def refused(text: str) -> str:
    with pytest.raises(Refusal) as told:
        parse(text)
    assert (told.value.code, told.value.status) == ("card_not_understood", 422)
    return told.value.sentence


def new_programme() -> Programme:
    return Programme.objects.create(slug=f"p{Programme.objects.count()}", name="Another")


def taken_over(programme: Programme, card: Card, by) -> Programme:
    taking_over.take_over(programme, card, by=by, seen=taking_over.plan(programme, card).seen)
    return Programme.objects.get(pk=programme.pk)


def test_a_model_card_is_read_as_the_hub_documents_it():
    assert parse(EXAMPLE) == READ


@given(cards)
def test_what_is_written_is_read_as_it_was(card):
    assert parse(dump(card)) == card


@given(cards)
def test_what_is_written_is_the_same_to_any_other_reader_of_yaml(card):
    told = yaml.safe_load(dump(card).strip("-\n") + "\n")

    assert list(told["extra_gated_fields"]) == [one.label for one in card.fields]
    assert {name: told[name] for name in card.texts} == dict(card.texts)


@given(st.text(max_size=300) | cards.map(dump).map(lambda text: text[: len(text) // 2]))
def test_no_card_is_a_crash(text):
    try:
        assert isinstance(parse(text), Card)
    except Refusal as refusal:
        assert refusal.code == "card_not_understood"  # noqa: PT017 - both are right


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "This is no metadata"),
        ("a: b", "There is no “extra_gated_fields”"),
        ("extra_gated_fields: {}", "There is no “extra_gated_fields”"),
        ("extra_gated_fields: {A: number}", "“A” has the unknown type “number”. Use one of: text,"),
        ("extra_gated_fields: {A: {type: [x]}}", "“A” has the unknown type “”"),
        ("extra_gated_fields: {A: [text]}", "“A” has no type"),
        ("extra_gated_fields: {A: {type: text, options: [x]}}", "“options” of the field “A”"),
        ("extra_gated_fields: {A: {type: select}}", "“A” is owed a list"),
        ("extra_gated_fields: {A: select}", "“A” is owed a list"),
        ("extra_gated_fields: {A: {type: select, options: [x, x]}}", "the option “x” twice"),
        ("extra_gated_fields: {A: {type: select, options: [{x: y}]}}", "An option of “A”"),
        ("extra_gated_fields: {A: text, a: text}", "stands there twice"),
        ("extra_gated_fields: {A: text, A: text}", "Line 1 of the metadata is not understood: “A” stands"),
        ("extra_gated_fields: {'': text}", "1 to 200 characters"),
        ("extra_gated_fields: {A: text}\nextra_gated_eu_disallowed: true", "“extra_gated_eu_disallowed”"),
        ("extra_gated_fields: {A: text}\nextra_gated_prompt: [x]", "“extra_gated_prompt” is not text"),
        ("a: &x [1]\nb: *x", "Line 2 of the metadata is not understood: an alias"),
        ("a: [", "Line 1 of the metadata is not understood"),
        ("[" * 500, "nested too deep"),
        ("x" * 100_001, "At most 100,000 characters"),
    ],
)
def test_what_is_not_understood_is_named(text, sentence):
    assert sentence in refused(text)


@pytest.mark.django_db
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(cards)
def test_a_card_taken_over_by_a_new_programme_is_given_out_as_it_was(card):
    admin = cast.User.objects.filter(email="adam@example.org").first() or cast.person("adam@example.org")

    programme = taken_over(new_programme(), card, admin)

    assert taking_over.card_of(programme) == card
    assert not taking_over.plan(programme, card).changes_anything


def test_a_programme_given_out_and_taken_over_again_stays_as_it_is(programme):
    before = list(Question.objects.values())

    plan = taking_over.plan(programme, parse(dump(taking_over.card_of(programme))))

    assert [one.change for one in plan.questions] == ["kept"] * 5
    assert not plan.changes_anything
    assert list(Question.objects.values()) == before


def test_a_programmes_form_is_given_out_in_the_hubs_words(programme):
    told = yaml.safe_load(dump(taking_over.card_of(programme)).strip("-\n"))

    assert told["extra_gated_heading"] == "Apply to Early access"
    assert told["extra_gated_prompt"].startswith("You agree not to use")
    assert told["extra_gated_fields"] == {
        "What do you want to do with the models?": "text",
        "Which organisation are you with?": "text",
        "In which country will you use the models?": "country",
        "What is the main use?": {
            "type": "select",
            "options": programme.questions.get(code="intended_use").choices,
        },
        "I have read the use policy and will keep to it.": "checkbox",
    }


def test_questions_are_matched_by_their_label_and_keep_their_code(programme, rosa):
    card = Card(
        fields=(
            Field("what is the main use?", "select", (Option("Research"), Option("Play"))),
            Field("Which organisation are you with?", "date_picker"),
            Field("When do you start?", "date_picker"),
            Field("始めますか", "checkbox"),
        ),
        texts={"extra_gated_prompt": "Be kind."},
    )

    plan = taking_over.plan(programme, card)
    taking_over.take_over(programme, card, by=rosa, seen=plan.seen)

    assert [(one.question.code, one.change) for one in plan.questions] == [
        ("intended_use", "changed"),
        ("organisation", "changed"),
        ("when_do_you_start", "new"),
        ("question", "new"),
        ("use_case", "removed"),
        ("country", "removed"),
        ("use_policy", "removed"),
    ]
    rows = list(programme.questions.values_list("position", "code", "kind", "choices"))
    assert rows == [
        (1, "intended_use", "choice", ["Research", "Play"]),
        (2, "organisation", "short_text", []),
        (3, "when_do_you_start", "short_text", []),
        (4, "question", "consent", []),
    ]
    entry = Entry.objects.about(programme).last()
    assert (entry.verb, entry.actor_label) == ("questions.imported", "rosa@example.org")
    assert entry.data["questions"]["use_case"] == "removed"
    programme.refresh_from_db()
    # The organisation's own policy is not overwritten; what the Hub is told is kept beside it.
    assert programme.use_policy.startswith("You agree not to use")
    assert programme.hub_texts["extra_gated_prompt"] == "Be kind."


def test_a_programme_without_a_policy_takes_the_prompt_for_one(db, rosa):
    programme = taken_over(new_programme(), READ, rosa)

    assert programme.use_policy == "You agree not to harm anybody."


def test_applications_keep_their_questions_as_they_were_asked(submitted, programme, rosa):
    asked = submitted.asked

    taken_over(programme, READ, rosa)

    assert Application.objects.get().asked == asked


def test_whoever_comes_second_looks_again(programme, rosa):
    seen = taking_over.plan(programme, READ).seen
    programme.questions.filter(code="country").update(label="Where?")

    with pytest.raises(LostRace):
        taking_over.take_over(programme, READ, by=rosa, seen=seen)

    assert programme.questions.count() == 5


def test_a_question_that_the_rules_ask_for_is_told_of(programme, rosa):
    made = rules.create(programme, name="Set", by=rosa)
    condition = {"subject": "answer:intended_use", "operator": "is", "value": "Research"}
    rules.save_rule(made, name="Research", effect="approve", conditions=[condition], by=rosa)
    RuleSet.objects.update(status="active")

    notes = {one.question.code: one.note for one in taking_over.plan(programme, READ).questions}

    assert notes["intended_use"] == "The rules that are switched on ask for its answer."
    assert notes["use_case"] == ""


def test_a_question_whose_condition_is_gone_is_asked_always(programme):
    programme.questions.filter(code="organisation").update(shown_if_code="use_case", shown_if_answer="x")
    text = dump(
        Card(fields=tuple(one for one in taking_over.card_of(programme).fields if "do with" not in one.label))
    )
    lea = cast.staff("lea@example.org", "Programme managers")

    taking_over.take_over(programme, parse(text), by=lea, seen=taking_over.plan(programme, parse(text)).seen)

    assert not programme.questions.filter(code="use_case").exists()
    assert programme.questions.get(code="organisation").shown_if_code == ""
