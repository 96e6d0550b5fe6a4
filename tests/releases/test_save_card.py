"""Saving cards and documentation forms: by the verb, with the ledger, and without losing anybody's words."""

import pytest

from portal.common.refusals import Refusal
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from portal.releases.cards import actions
from portal.releases.models import Documentation, ModelCard, text_sha256

TEXT = "---\nlanguage: en\n---\n\n# Tiny\n\nA small model.\n"


def test_remy_saves_a_card_and_the_ledger_says_which(release, remy):
    card = actions.save_card(release, text=TEXT.replace("\n", "\r\n"), by=remy, seen="")

    entry = Entry.objects.get(verb="release.card_saved")
    assert card.readme == TEXT
    assert (card.saved_by, entry.actor_label) == (remy, "remy@example.org")
    assert entry.data == {"sha256": text_sha256(TEXT), "sha256_before": "", "characters": len(TEXT)}
    assert first_break() is None


def test_the_same_text_again_changes_nothing(release, remy):
    actions.save_card(release, text=TEXT, by=remy)

    actions.save_card(release, text=TEXT, by=remy)

    assert Entry.objects.filter(verb="release.card_saved").count() == 1


def test_who_began_with_an_older_card_does_not_overwrite_the_newer(release, remy):
    seen = actions.seen_of(release)
    actions.save_card(release, text=TEXT, by=remy, seen=seen)

    with pytest.raises(Refusal) as refused:
        actions.save_card(release, text="Mine.", by=remy, seen=seen)

    assert refused.value.code == "card_changed"
    assert ModelCard.objects.get().readme == TEXT


@pytest.mark.parametrize("text", ["---\nlanguage: en\n---\n \n", "---\nlanguage: [\n---\nText.", "  "])
def test_a_card_that_says_nothing_or_is_not_understood_is_not_kept(release, remy, text):
    with pytest.raises(Refusal):
        actions.save_card(release, text=text, by=remy)

    assert not ModelCard.objects.exists()


def test_answers_are_kept_taken_back_and_recorded_by_name_alone(release, remy):
    actions.save_documentation(release, answers={"provider": "Example\r\nLtd ", "design": "Deep."}, by=remy)
    actions.save_documentation(release, answers={"design": " "}, by=remy)
    actions.save_documentation(release, answers={"design": ""}, by=remy)

    entries = Entry.objects.filter(verb="release.documentation_saved").order_by("number")
    assert Documentation.objects.get().answers == {"provider": "Example\nLtd"}
    assert [entry.data["changed"] for entry in entries] == [["design", "provider"], ["design"]]
