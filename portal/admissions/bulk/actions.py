"""Deciding on many applications: who is touched is fixed and looked at, then a worker begins."""

from functools import partial

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.applications.conditions import require_reason
from portal.admissions.bulk.tasks import decide_in_bulk
from portal.admissions.models import (
    APPEAL_STATUSES,
    BULK_MOVES,
    Application,
    ApplicationQuerySet,
    ApplicationStatus,
    BulkDecision,
    BulkItem,
    BulkStatus,
    Conflict,
)
from portal.admissions.models.bulk import BECOMES, BulkVerb
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

ITEMS_MAX = 5_000
INSERTED_AT_ONCE = 1_000


@transaction.atomic
def prepare(
    chosen: ApplicationQuerySet,
    *,
    verb: str,
    by: User,
    reason: str = "",
    message: str = "",
    address: str | None = None,
) -> BulkDecision:
    """Fix who of `chosen` is touched, and as they stand now; nothing is decided yet.

    Those on which `by` cannot decide so are counted and left out. Raises Refusal for none and for
    more than ITEMS_MAX, and for a decline without what it is owed.
    """
    if verb == BulkVerb.DECLINE:
        require_reason(reason, message)
    found = chosen.received().order_by()
    possible = _possible(found, verb=verb, by=by).annotate(seen=Max("notes__pk"))
    rows = list(possible.order_by("submitted_at", "pk").values_list("pk", "seen")[: ITEMS_MAX + 1])
    if not rows:
        raise Refusal("nobody_chosen", "There is nobody among those on whom this can be decided.")
    if len(rows) > ITEMS_MAX:
        raise Refusal(
            "too_many_chosen", f"Choose {ITEMS_MAX:,} at most: narrow the search, and do the rest after it."
        )
    bulk = BulkDecision.objects.create(
        by=by,
        verb=verb,
        reason=reason,
        message=message.strip(),
        address=address,
        left_out=found.count() - len(rows),
    )
    items = [BulkItem(bulk=bulk, application_id=pk, seen=seen or 0) for pk, seen in rows]
    BulkItem.objects.bulk_create(items, batch_size=INSERTED_AT_ONCE)
    return bulk


@transaction.atomic
def begin(bulk: BulkDecision, *, by: User, address: str | None = None) -> BulkDecision:
    """Let a worker carry it out. Raises IllegalMove when it has begun or was stopped."""
    row = BulkDecision.objects.select_for_update(no_key=True).get(pk=bulk.pk)
    move(row, BulkStatus.RUNNING, moves=BULK_MOVES, heartbeat_at=timezone.now())
    facts = {"verb": row.verb, "reason": row.reason, "applications": row.items.count()}
    record(Verb.BULK_DECISION_BEGUN, subject=row, by=by, data=facts, address=address)
    transaction.on_commit(partial(decide_in_bulk.delay, bulk_id=str(row.pk)))
    return row


def _possible(found: ApplicationQuerySet, *, verb: str, by: User) -> ApplicationQuerySet:
    """Those of `found` on which `by` can decide so, as they stand now."""
    states = [
        status
        for status in ApplicationStatus
        if Application(status=status).may_become(BECOMES[BulkVerb(verb)])
    ]
    own_appeals = Q(appealed_from=by, appealed_at__isnull=False, status__in=APPEAL_STATUSES)
    with_conflict = Conflict.objects.filter(by=by, application=OuterRef("pk"))
    possible = found.filter(status__in=states).exclude(applicant=by).exclude(own_appeals)
    return possible.exclude(Exists(with_conflict))
