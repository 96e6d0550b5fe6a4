"""Releasing a wave: it is drawn once, at its time, and then each who is in is approved once."""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import may_review
from portal.admissions import actions, choosing
from portal.admissions.applications.conditions import locked
from portal.admissions.models import (
    WAVE_MOVES,
    Application,
    ApplicationQuerySet,
    ApplicationStatus,
    CandidateOutcome,
    Conflict,
    Programme,
    Wave,
    WaveCandidate,
    WaveStatus,
)
from portal.admissions.steady import for_a_second, in_spells, settle_next
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb

INSERTED_AT_ONCE = 1_000
_KNOWN = ("reference", "score", "country", "submitted_at")


def waiting_for(programme: Programme, *, by: User) -> ApplicationQuerySet:
    """The waiting list as a wave of `by` sees it.

    Nobody decides on their own application or despite a conflict of interest, and whoever another wave has
    chosen needs no second place.
    """
    waiting = Application.objects.received().filter(programme=programme, status=ApplicationStatus.WAITLISTED)
    chosen = WaveCandidate.objects.filter(outcome=CandidateOutcome.PENDING, application=OuterRef("pk"))
    with_conflict = Conflict.objects.filter(by=by, application=OuterRef("pk"))
    return waiting.exclude(applicant=by).exclude(Exists(with_conflict)).exclude(Exists(chosen)).order_by()


def candidates_of(programme: Programme, *, by: User) -> dict[int, choosing.Candidate]:
    """All of the waiting list by their ids, as they stand at this moment. One query."""
    rows = waiting_for(programme, by=by).values_list("pk", *_KNOWN)
    return {pk: choosing.Candidate(*known) for pk, *known in rows}


def release(wave: Wave) -> None:
    """Draw it if its time has come, and approve those who are in; killed anywhere, it goes on from there."""
    draw(wave)
    admit(wave)


@transaction.atomic
def draw(wave: Wave) -> bool:
    """Choose from those who wait now, and keep for ever what the choice went by; False if it isn't its time.

    It is the portal that draws, so that the entry names nobody and can be handed to every candidate. It is
    not drawn while the one who answers for it may not decide.
    """
    row = _locked(wave)
    if not (row.is_planned and row.scheduled_at <= timezone.now() and may_review(row.by)):
        return False
    # One after the other: the second of two waves must see whom the first has chosen.
    Programme.objects.select_for_update(no_key=True).get(pk=row.programme_id)
    now = timezone.now()
    candidates = candidates_of(row.programme, by=row.by)
    found = choosing.places(candidates.values(), row.policy, seed=bytes.fromhex(row.seed))
    ids = {one.reference: pk for pk, one in candidates.items()}
    move(row, WaveStatus.RELEASING, moves=WAVE_MOVES, drawn_at=now, heartbeat_at=now)
    _keep(row, found, ids)
    record(Verb.WAVE_DRAWN, subject=row, by=None, data=_drawn_facts(row, found))
    return True


def admit(wave: Wave) -> None:
    """Approve those who are in and have not had their turn, each in a transaction of its own.

    Whoever answers for the wave may have lost their role since the draw: the decision was made with it, and
    those who are in can prove it, so it is carried out.
    """
    in_spells(Wave.objects.select_related("by").filter(pk=wave.pk), _admit_some)


def _locked(wave: Wave) -> Wave:
    rows = Wave.objects.select_for_update(of=("self",), no_key=True).select_related("programme", "by")
    return rows.get(pk=wave.pk)


def _keep(wave: Wave, found: list[choosing.Place], ids: dict[str, int]) -> None:
    outcomes = {True: CandidateOutcome.PENDING, False: CandidateOutcome.NOT_CHOSEN}
    rows = (
        WaveCandidate(
            wave=wave,
            application_id=ids[place.candidate.reference],
            reference=place.candidate.reference,
            score=place.candidate.score,
            country=place.candidate.country,
            submitted_at=place.candidate.submitted_at,
            rank=place.rank,
            outcome=outcomes[place.is_chosen],
        )
        for place in found
    )
    WaveCandidate.objects.bulk_create(rows, batch_size=INSERTED_AT_ONCE)


def _drawn_facts(wave: Wave, found: list[choosing.Place]) -> dict[str, Any]:
    """What the ledger keeps of a draw: what a replay needs beside the candidates, and their fingerprint."""
    planned = Entry.objects.about(wave).filter(verb=Verb.WAVE_PLANNED).first()
    return {
        "programme": wave.programme.slug,
        "policy": wave.policy.facts(),
        "seed": wave.seed,
        "seed_commitment": wave.seed_commitment,
        "planned": {"number": planned.number, "hash": planned.hash} if planned else None,
        "candidates": len(found),
        "chosen": sum(place.is_chosen for place in found),
        "candidates_sha256": choosing.fingerprint_of(place.candidate for place in found),
        "list_sha256": choosing.fingerprint(choosing.shown_list(found, wave.policy)),
    }


def _admit_some(wave: Wave) -> bool:
    """Approve for a spell; False once there is nothing more to do."""
    if not wave.is_live:
        return False
    if for_a_second(partial(_admit_next, wave)):
        return True
    _end(wave)
    return False


def _admit_next(wave: Wave) -> bool:
    chosen = wave.candidates.filter(outcome=CandidateOutcome.PENDING)
    waiting = chosen.select_related("application").order_by("rank")
    return settle_next(waiting, partial(_approve, by=wave.by), refused=CandidateOutcome.REFUSED)


def _approve(chosen: WaveCandidate, *, by: User) -> str:
    if chosen.application is None:
        raise Refusal("application_gone", "The application is gone.")
    # Locked here already, for somebody may have taken it off the waiting list and even back into review.
    row = locked(chosen.application)
    if row.status != ApplicationStatus.WAITLISTED:
        state = str(row.get_status_display()).lower()
        raise Refusal(
            "not_waiting", f"It had left the waiting list when its turn came: it was {state}, and stays so."
        )
    # Whoever waits here was waitlisted as the programme wants it, and the draw is the second decision.
    actions.approve(row, by=by, is_agreed=True)
    return CandidateOutcome.APPROVED


@transaction.atomic
def _end(wave: Wave) -> None:
    row = _locked(wave)
    if not row.is_live or row.candidates.filter(outcome=CandidateOutcome.PENDING).exists():
        # Another worker holds the last of them and ends it, or has ended it.
        return
    move(row, WaveStatus.RELEASED, moves=WAVE_MOVES, released_at=timezone.now())
    record(Verb.WAVE_RELEASED, subject=row, by=None, data=row.count_by_outcome())
