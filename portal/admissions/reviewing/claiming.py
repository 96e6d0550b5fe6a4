"""Who of the reviewers has an application: claims that expire, assignments, and sharing out."""

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import REVIEW, holders_of
from portal.admissions.applications.conditions import (
    has_declined,
    locked,
    require_impartial,
    require_not_taken,
)
from portal.admissions.models import WAITING_STATUSES, Application, ApplicationQuerySet
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

SHARED_OUT_MAX = 5_000
INSERTED_AT_ONCE = 1_000


@transaction.atomic
def claim(application: Application, *, by: User, address: str | None = None) -> Application:
    """Take it for a while; pressed again by the same reviewer, for a while longer.

    Raises Refusal for one that another reviewer has, one's own, and after declaring a conflict.
    """
    row = locked(application)
    require_impartial(row, by)
    require_not_taken(row, by)
    was_theirs = row.is_taken
    until = timezone.now() + timedelta(minutes=settings.REVIEW_CLAIM_MINUTES)
    if was_theirs and row.claimed_until is None:
        # An assignment lasts longer than any claim.
        return row
    _take(row, assignee=by, until=until)
    if not was_theirs:
        _note(row, Verb.APPLICATION_CLAIMED, by=by, address=address)
    return row


@transaction.atomic
def assign(application: Application, *, to: User, by: User, address: str | None = None) -> Application:
    """Give it to `to`, whoever has it now, until it is given back.

    Raises Refusal when `to` cannot decide on it.
    """
    row = locked(application)
    if not holders_of(REVIEW).filter(pk=to.pk).exists():
        raise Refusal("not_a_reviewer", f"{to} is no reviewer.", status=422)
    require_impartial(row, to)
    _take(row, assignee=to, until=None)
    message = "" if to.pk == by.pk else f"To {to}."
    _note(row, Verb.APPLICATION_ASSIGNED, by=by, address=address, message=message, to=str(to))
    return row


@transaction.atomic
def let_go(application: Application, *, by: User, address: str | None = None) -> Application:
    """Give it back to the queue; any reviewer may, so that a colleague's holiday stops nobody."""
    row = locked(application)
    if row.assignee_id is None:
        return row
    _take(row, assignee=None, until=None)
    _note(row, Verb.APPLICATION_LET_GO, by=by, address=address)
    return row


@transaction.atomic
def share_out(
    found: ApplicationQuerySet, *, among: Sequence[User], by: User, address: str | None = None
) -> dict[User, int]:
    """Assign those of `found` that wait and that nobody has, the oldest first, in turns; how many each got.

    Nobody gets their own application, nor one about which they declared a conflict. Raises Refusal for nobody
    to share among, nothing to share, and more than SHARED_OUT_MAX.
    """
    if not among:
        raise Refusal("nobody_to_share_among", "Choose the reviewers among whom to share out.", status=422)
    waiting = found.filter(status__in=WAITING_STATUSES).not_taken().order_by("submitted_at", "pk")
    rows = list(
        waiting.select_for_update(of=("self",), no_key=True)
        .prefetch_related("conflicts")
        .defer("search_words", "words")[: SHARED_OUT_MAX + 1]
    )
    if len(rows) > SHARED_OUT_MAX:
        raise Refusal("too_many_chosen", f"Share out {SHARED_OUT_MAX:,} at most: narrow the search.")
    given = dict.fromkeys(among, 0)
    for row in rows:
        able = [one for one in among if _may_take(one, row)]
        if able:
            # Whoever has the fewest is next: turns, even where somebody was passed over.
            row.assignee = min(able, key=lambda one: given[one])
            row.claimed_until = None
            given[row.assignee] += 1
    if not any(given.values()):
        raise Refusal("nothing_to_share", "None of these waits for a reviewer whom you chose.")
    Application.objects.bulk_update(rows, ["assignee", "claimed_until"], batch_size=INSERTED_AT_ONCE)
    facts = {"given": {str(one): number for one, number in given.items()}}
    record(Verb.APPLICATIONS_SHARED_OUT, subject=by, by=by, data=facts, address=address)
    return given


def _may_take(reviewer: User, row: Application) -> bool:
    has_conflict = any(conflict.by_id == reviewer.pk for conflict in row.conflicts.all())
    is_own_decision = row.is_appeal and has_declined(row, reviewer)
    return row.applicant_id != reviewer.pk and not has_conflict and not is_own_decision


def _take(row: Application, *, assignee: User | None, until: object) -> None:
    row.assignee, row.claimed_until = assignee, until  # type: ignore[assignment]
    row.save(update_fields=["assignee", "claimed_until"])


def _note(
    row: Application, verb: Verb, *, by: User, address: str | None, message: str = "", **facts: str
) -> None:
    row.staff_notes.create(by=by, verb=verb, message=message)
    record(verb, subject=row, by=by, data=facts, address=address)
