"""Planning waves: the policy and the sealed seed are in the ledger long before anybody is chosen."""

import secrets
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions import choosing
from portal.admissions.models import WAVE_MOVES, Programme, Wave, WaveOrder, WaveStatus
from portal.admissions.models.waves import SIZE_MAX
from portal.admissions.waves.tasks import release_wave
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove, move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

SEED_BYTES = 32
PERCENT_MAX = 100


@transaction.atomic
def plan(
    programme: Programme,
    *,
    name: str,
    policy: choosing.Policy,
    scheduled_at: datetime,
    by: User,
    address: str | None = None,
) -> Wave:
    """Plan a wave for a time to come, and commit to a fresh seed, which stays sealed until then.

    Who is chosen is settled at that time, from those who wait then. Raises Refusal for a time that is past
    and for a policy out of its range.
    """
    _require_sound(policy)
    if scheduled_at <= timezone.now():
        raise Refusal("time_past", "Choose a time to come. A planned wave can be released at once.", 422)
    seed = secrets.token_bytes(SEED_BYTES)
    made = Wave.objects.create(
        programme=programme,
        name=name.strip(),
        size=policy.size,
        order=policy.order,
        country_percent_max=policy.country_percent_max,
        seed=seed.hex(),
        seed_commitment=choosing.commitment_to(seed),
        scheduled_at=scheduled_at,
        by=by,
    )
    facts = {
        "programme": programme.slug,
        "policy": policy.facts(),
        "seed_commitment": made.seed_commitment,
        "scheduled_at": choosing.moment(scheduled_at),
    }
    record(Verb.WAVE_PLANNED, subject=made, by=by, data=facts, address=address)
    return made


@transaction.atomic
def cancel(wave: Wave, *, by: User, address: str | None = None) -> Wave:
    """Call it off; its seed is opened, so that whoever plans anew cannot hide what they gave up.

    Raises IllegalMove once it is drawn.
    """
    row = _locked(wave)
    move(row, WaveStatus.CANCELLED, moves=WAVE_MOVES)
    facts = {"seed": row.seed, "seed_commitment": row.seed_commitment}
    record(Verb.WAVE_CANCELLED, subject=row, by=by, data=facts, address=address)
    return row


@transaction.atomic
def bring_forward(wave: Wave, *, by: User, address: str | None = None) -> Wave:
    """Have it released at once; `by` answers for its decisions from now on. Raises IllegalMove once drawn."""
    row = _locked(wave)
    if not row.is_planned:
        raise IllegalMove(
            f"wave_{row.status}", f"This wave is {str(row.get_status_display()).lower()} already."
        )
    facts = {"scheduled_at": choosing.moment(row.scheduled_at)}
    row.scheduled_at, row.by = timezone.now(), by
    row.save(update_fields=["scheduled_at", "by"])
    record(Verb.WAVE_BROUGHT_FORWARD, subject=row, by=by, data=facts, address=address)
    transaction.on_commit(partial(release_wave.delay, wave_id=str(row.pk)))
    return row


def _require_sound(policy: choosing.Policy) -> None:
    """The database would refuse it too, but without a next step."""
    percent = policy.country_percent_max
    if not 1 <= policy.size <= SIZE_MAX or policy.order not in WaveOrder.values:
        raise Refusal("policy_unsound", f"A wave takes between 1 and {SIZE_MAX:,} people.", 422)
    if percent is not None and not 1 <= percent <= PERCENT_MAX:
        raise Refusal("policy_unsound", "The limit of one country lies between 1 and 100 per cent.", 422)


def _locked(wave: Wave) -> Wave:
    return Wave.objects.select_for_update(of=("self",), no_key=True).get(pk=wave.pk)
