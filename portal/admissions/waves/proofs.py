"""What shows that a wave was fair: its replay for auditors, and for each candidate a proof of their own."""

from typing import Any

from django.db.models import Max

from portal.admissions import choosing
from portal.admissions.models import CHOSEN_OUTCOMES, Wave, WaveCandidate
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb

FORMAT = "wave-proof/1"


def first_difference(wave: Wave) -> str:
    """Draw the wave again from its policy, seed and stored candidates; say what first differs, or "".

    Raises Refusal when it has not been drawn. Four queries; reads every candidate once.
    """
    planned, drawn = _entry(wave, Verb.WAVE_PLANNED), _entry(wave, Verb.WAVE_DRAWN)
    if drawn is None:
        raise Refusal("not_drawn", f"“{wave.name}” has not been drawn, so there is nothing to replay.")
    if planned is None:
        return "The ledger has no entry of its planning."
    told = _untrue_entry(planned, drawn) or _other_promise(wave, planned, drawn)
    return told or _other_people(wave, drawn)


def proof_for(candidate: WaveCandidate) -> dict[str, Any]:
    """All that its own applicant needs to check their place, and nothing that names anybody else.

    docs/operations.md has the format and a program that checks it. Five queries.
    """
    wave = candidate.wave
    drawn = _entry(wave, Verb.WAVE_DRAWN)
    if drawn is None:
        raise Refusal("not_drawn", "This wave has not been drawn yet.", status=404)
    chosen = wave.candidates.filter(outcome__in=CHOSEN_OUTCOMES)
    end = chosen.aggregate(last=Max("rank"))["last"] or 0
    above = _kept(wave, wave.candidates.filter(rank__lte=end))
    return {
        "format": FORMAT,
        "wave": {"id": str(wave.pk), "name": wave.name, "programme": wave.programme.slug},
        "policy": wave.policy.facts(),
        "seed": wave.seed,
        "seed_commitment": wave.seed_commitment,
        "candidates": wave.candidates.count(),
        "you": _own_row(candidate, above),
        "list_columns": ["key", "country", "lot", "chosen"],
        "list": choosing.shown_list(above, wave.policy),
        "ledger": {"entry": drawn.facts(), "hash": drawn.hash},
    }


def _own_row(candidate: WaveCandidate, above: list[choosing.Place]) -> dict[str, Any]:
    known = candidate.as_candidate()
    return {
        "reference": candidate.reference,
        "score": candidate.score,
        "country": candidate.country,
        "submitted_at": choosing.moment(candidate.submitted_at),
        "key": choosing.shown_key(known, candidate.wave.policy),
        "lot": _lot(candidate.wave, candidate.reference),
        "rank": candidate.rank,
        "country_number": choosing.country_numbers(above).get(candidate.country),
        "chosen": candidate.is_chosen,
        "outcome": candidate.outcome,
    }


def _untrue_entry(*entries: Entry) -> str:
    for entry in entries:
        if entry.hash != entry.expected_hash():
            return f"Ledger entry {entry.number} was changed after it was written."
    return ""


def _other_promise(wave: Wave, planned: Entry, drawn: Entry) -> str:
    """What of the policy, the seed and the candidates is not as the ledger has it."""
    if choosing.commitment_to(bytes.fromhex(drawn.data["seed"])) != planned.data["seed_commitment"]:
        return f"The seed of entry {drawn.number} is not the one that entry {planned.number} commits to."
    if wave.seed != drawn.data["seed"]:
        return f"The wave's seed is not the one of ledger entry {drawn.number}."
    for entry in (planned, drawn):
        if wave.policy.facts() != entry.data["policy"]:
            return f"The wave's policy is not the one of ledger entry {entry.number}."
    return ""


def _other_people(wave: Wave, drawn: Entry) -> str:
    """Who comes out now and did not then, or the other way round."""
    stored = list(wave.candidates.order_by("rank"))
    candidates = [row.as_candidate() for row in stored]
    if choosing.fingerprint_of(candidates) != drawn.data["candidates_sha256"]:
        return f"The stored candidates are not those of ledger entry {drawn.number}."
    again = choosing.places(candidates, wave.policy, seed=bytes.fromhex(wave.seed))
    for row, place in zip(stored, again, strict=True):
        then = _in_words(row.rank, row.reference, is_chosen=row.is_chosen)
        now = _in_words(place.rank, place.candidate.reference, is_chosen=place.is_chosen)
        if then != now:
            return f"As drawn, {then}; now {now}."
    if choosing.fingerprint(choosing.shown_list(again, wave.policy)) != drawn.data["list_sha256"]:
        return f"The list that candidates are given is not the one of ledger entry {drawn.number}."
    return ""


def _in_words(rank: int, reference: str, *, is_chosen: bool) -> str:
    return f"number {rank} is {reference} ({'in' if is_chosen else 'not in'})"


def _kept(wave: Wave, rows: Any) -> list[choosing.Place]:
    """The places as they were kept."""
    return [
        choosing.Place(row.rank, row.as_candidate(), _lot(wave, row.reference), row.is_chosen)
        for row in rows.order_by("rank")
    ]


def _lot(wave: Wave, reference: str) -> str:
    return choosing.lot_of(reference, seed=bytes.fromhex(wave.seed))


def _entry(wave: Wave, verb: Verb) -> Entry | None:
    return Entry.objects.about(wave).filter(verb=verb).first()
