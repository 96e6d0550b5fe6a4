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
    BulkStatus,
    ItemOutcome,
)
from portal.admissions.models.bulk import BECOMES, BulkVerb
from portal.admissions.steady import for_a_second
from portal.common.refusals import Refusal
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
    while True:
        BulkDecision.objects.filter(pk=bulk.pk).update(heartbeat_at=timezone.now())
        row = BulkDecision.objects.select_related("by").get(pk=bulk.pk)
        if row.status != BulkStatus.RUNNING:
            return
        if not may_review(row.by):
            stop(row, by=None)
            return
        if not for_a_second(partial(_decide_next, row)):
            _end(row)
            return


@transaction.atomic
def _decide_next(bulk: BulkDecision) -> bool:
    """Decide on one and write down what came of it, both or neither; False when nothing is left."""
    waiting = bulk.items.filter(outcome=ItemOutcome.PENDING).select_related("application")
    item = waiting.select_for_update(of=("self",), skip_locked=True, no_key=True).order_by("pk").first()
    if item is None:
        return False
    try:
        with transaction.atomic():
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
        item.outcome = ItemOutcome.DECIDED
        if decided.status != BECOMES[BulkVerb(verb)]:
            item.sentence = "Proposed: it counts once a second reviewer agrees."
    except Refusal as refusal:
        item.outcome, item.sentence = ItemOutcome.REFUSED, refusal.sentence[:500]
    item.save(update_fields=["outcome", "sentence"])
    return True


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
