"""Feedback on an answer: given, changed, taken back; by nobody but whose answer it is."""

import re

import pytest

from playground import actions
from playground.actions import Outcome
from playground.models import Feedback, Generation
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb

HTMX = {"HX-Request": "true"}


@pytest.fixture
def answered(asked) -> Generation:
    """An ended answer of Ada's."""
    actions.finish(actions.begin(asked.pk), Outcome(text="Because.", finish_reason="stop"))
    return Generation.objects.get(pk=asked.pk)


def door(answer, more=""):
    return f"/playground/generations/{answer.pk}/feedback/{more}"


def said():
    return list(Feedback.objects.values_list("rating", "tags", "comment", "correction"))


def test_ada_judges_without_a_script_and_is_told_who_reads(as_ada, answered):
    page = as_ada.get(f"{door(answered)}?rating=-1").text
    sent = {"rating": "-1", "tags": ["wrong", "made_up"], "comment": " No. ", "correction": "Yes."}

    answer = as_ada.post(door(answered), sent)

    assert "Staff will read this answer, your message and what led to it" in page
    assert re.findall(r'<input[^>]*value="([^"]*)"[^>]* checked', page) == ["-1"]
    assert answer["Location"] == f"/playground/{answered.turn.conversation_id}/?at={answered.pk}"
    assert said() == [(-1, ["wrong", "made_up"], "No.", "Yes.")]
    shown = as_ada.get(answer["Location"]).text
    thumbs = re.findall(r'rating=(-?1)"[^>]*aria-current="true"', shown)
    assert thumbs == ["-1"]


def test_ada_changes_her_mind_and_takes_it_back(as_ada, answered):
    as_ada.post(door(answered), {"rating": "-1", "comment": "No."})
    first = Feedback.objects.get()

    page = as_ada.get(f"{door(answered)}?rating=1").text
    changed = as_ada.post(door(answered), {"rating": "1", "tags": ["helpful"]}, headers=HTMX)

    assert "No.</textarea>" in page
    assert "Take it back" in page
    assert "Thank you" in changed.text
    assert said() == [(1, ["helpful"], "", "")]
    assert Feedback.objects.get().created_at == first.created_at
    removed = as_ada.post(door(answered, "remove/"), headers=HTMX)
    assert "is deleted" in removed.text
    assert as_ada.post(door(answered, "remove/")).status_code == 302
    assert said() == []


@pytest.mark.parametrize(
    "sent",
    [{}, {"rating": "0"}, {"rating": "1", "tags": "nonsense"}, {"rating": "1", "comment": "x" * 4_001}],
)
def test_what_is_wrong_is_told_in_the_form(as_ada, answered, sent):
    answer = as_ada.post(door(answered), sent, headers=HTMX)

    assert answer.status_code == 422
    assert answer["HX-Retarget"] == f"#feedback-box-{answered.pk}"
    assert "error" in answer.text
    assert said() == []


def test_mallory_neither_reads_nor_judges_adas_answer(as_mallory, answered):
    assert as_mallory.get(door(answered)).status_code == 404
    assert as_mallory.post(door(answered), {"rating": "1"}).status_code == 404
    assert as_mallory.post(door(answered, "remove/")).status_code == 404
    assert said() == []


def test_what_is_still_written_or_was_imported_is_not_judged(ada, as_ada, asked):
    with pytest.raises(Refusal) as refused:
        actions.give_feedback(asked, by=ada, rating=1)
    assert refused.value.code == "answer_not_ended"

    actions.finish(actions.begin(asked.pk), Outcome(text="From a file.", finish_reason="stop"))
    Generation.objects.update(is_imported=True)
    with pytest.raises(Refusal) as refused:
        actions.give_feedback(Generation.objects.get(), by=ada, rating=1)
    assert refused.value.code == "answer_imported"
    assert "feedback/" not in as_ada.get(asked.turn.conversation.get_absolute_url()).text


def test_the_ledger_hears_that_feedback_was_given_and_taken_back_but_not_what_was_said(ada, answered):
    actions.give_feedback(answered, by=ada, rating=-1, comment="Wrong river.")
    actions.remove_feedback(answered, by=ada)
    actions.remove_feedback(answered, by=ada)

    told = Entry.objects.filter(verb__startswith="feedback.").order_by("number")
    assert [(one.verb, one.actor_id, one.data) for one in told] == [
        (Verb.FEEDBACK_GIVEN, ada.pk, {}),
        (Verb.FEEDBACK_REMOVED, ada.pk, {}),
    ]


def test_feedback_goes_with_its_conversation(ada, answered):
    actions.give_feedback(answered, by=ada, rating=1, comment="Good.")

    actions.delete(answered.turn.conversation, by=ada)

    assert said() == []
