"""What is done to cards and documentation forms: they are saved, each time with an entry in the ledger."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.cards import metadata, readme
from portal.releases.models import Documentation, ModelCard, Release, text_sha256


def seen_of(release: Release) -> str:
    """What an editor of the card began with: the SHA-256 of its text, "" before there is one. One query."""
    text = ModelCard.objects.filter(release=release).values_list("readme", flat=True).first()
    return "" if text is None else text_sha256(text)


@transaction.atomic
def save_card(
    release: Release, *, text: str, by: User | None, seen: str | None = None, address: str | None = None
) -> ModelCard:
    """Keep `text`, a README.md, as the card of `release`; the same text again changes nothing.

    `seen` is `seen_of` the card that the author began with; None: whatever is there is replaced.

    Raises Refusal for text that is not understood, and when somebody else saved the card meanwhile.
    """
    text = readme.normalised(text)
    read = readme.parse(text)
    metadata.check(read.metadata)
    if not read.body.strip():
        raise Refusal("card_empty", "The card has no text. Write an overview first.", status=422)
    # One save at a time, also before there is a card to lock.
    Release.objects.select_for_update(no_key=True).get(pk=release.pk)
    former = ModelCard.objects.filter(release=release).first()
    before = text_sha256(former.readme) if former else ""
    if seen is not None and seen != before:
        raise Refusal(
            "card_changed",
            "Somebody saved this card after you opened it. Copy what you wrote, open the page again and "
            "put it in anew.",
        )
    if former is not None and former.readme == text:
        return former
    kept = {"readme": text, "saved_at": timezone.now(), "saved_by": by}
    card, _ = ModelCard.objects.update_or_create(release=release, defaults=kept)
    facts = {"sha256": text_sha256(text), "sha256_before": before, "characters": len(text)}
    record(Verb.RELEASE_CARD_SAVED, subject=release, by=by, data=facts, address=address)
    return card


@transaction.atomic
def save_documentation(
    release: Release, *, answers: Mapping[str, str], by: User | None, address: str | None = None
) -> Documentation:
    """Keep what staff answer in the documentation form, by the field's code; "" takes an answer back.

    Answers to fields that are not named stay as they are.
    """
    Release.objects.select_for_update(no_key=True).get(pk=release.pk)
    former = Documentation.objects.filter(release=release).first()
    before = former.answers if former else {}
    told = {code: readme.normalised(text).strip() for code, text in answers.items()}
    kept = {code: text for code, text in (before | told).items() if text}
    if former is not None and kept == before:
        return former
    saved, _ = Documentation.objects.update_or_create(
        release=release, defaults={"answers": kept, "saved_at": timezone.now(), "saved_by": by}
    )
    changed = sorted(code for code in {*kept, *before} if kept.get(code) != before.get(code))
    record(
        Verb.RELEASE_DOCUMENTATION_SAVED,
        subject=release,
        by=by,
        data={"changed": changed},
        address=address,
    )
    return saved
