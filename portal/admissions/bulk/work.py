"""Carrying out a decision on many applications: one by one, each once, until the end or a stop."""

from collections.abc import Callable
from functools import partial

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import may_review
from portal.admissions import actions
from portal.admissions.models import (
    BULK_MOVES,
    Application,
    BulkDecision,
    BulkItem,
    BulkStatus,
    ItemOutcome,
)
from portal.admissions.models.bulk import BECOMES, BulkVerb
from portal.admissions.steady import for_a_second, in_spells, settle_next
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

_ACTS: dict[str, Callable[..., Application]] = {
    BulkVerb.APPROVE: actions.approve,
    BulkVerb.WAITLIST: actions.waitlist,
    BulkVerb.DECLINE: actions.decline,
}


@transaction.atomic
def stop(bulk: BulkDecision, *, by: User | None, address: str | None = None) -> BulkDecision:
    """Decide on no more of them; what is decided stays so. Raises IllegalMove when it has ended."""
    row = _locked(bulk)
    move(row, BulkStatus.STOPPED, moves=BULK_MOVES, ended_at=timezone.now())
    record(Verb.BULK_DECISION_STOPPED, subject=row, by=by, data=row.count_by_outcome(), address=address)
    return row


def carry_out(bulk: BulkDecision) -> None:
    """Decide on what is left, each in a transaction of its own. Killed, it is begun again where it was."""
    in_spells(BulkDecision.objects.select_related("by").filter(pk=bulk.pk), _decide_on_some)


def _decide_on_some(bulk: BulkDecision) -> bool:
    """Decide for a spell; False once there is nothing more to do."""
    if bulk.status != BulkStatus.RUNNING:
        return False
    if not may_review(bulk.by):
        stop(bulk, by=None)
        return False
    if for_a_second(partial(_decide_next, bulk)):
        return True
    _end(bulk)
    return False


def _decide_next(bulk: BulkDecision) -> bool:
    waiting = bulk.items.filter(outcome=ItemOutcome.PENDING).select_related("application").order_by("pk")
    return settle_next(waiting, partial(_decide, bulk), refused=ItemOutcome.REFUSED)


def _decide(bulk: BulkDecision, item: BulkItem) -> str:
    verb = item.verb or bulk.verb
    declined = {"reason": item.reason or bulk.reason} if verb == BulkVerb.DECLINE else {}
    decided = _ACTS[verb](
        item.application,
        **declined,
        by=bulk.by,
        message=item.message or bulk.message,
        seen=item.seen,
        address=bulk.address,
    )
    if decided.status != BECOMES[BulkVerb(verb)]:
        item.sentence = "Proposed: it counts once a second reviewer agrees."
    return ItemOutcome.DECIDED


@transaction.atomic
def _end(bulk: BulkDecision) -> None:
    row = _locked(bulk)
    if row.status != BulkStatus.RUNNING or row.items.filter(outcome=ItemOutcome.PENDING).exists():
        # It was stopped meanwhile, or another worker holds the last of them and ends it.
        return
    move(row, BulkStatus.DONE, moves=BULK_MOVES, ended_at=timezone.now())
    record(Verb.BULK_DECISION_DONE, subject=row, by=None, data=row.count_by_outcome())


def _locked(bulk: BulkDecision) -> BulkDecision:
    return BulkDecision.objects.select_for_update(no_key=True).get(pk=bulk.pk)
