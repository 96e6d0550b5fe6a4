"""Writing the ledger, and proving that nobody rewrote it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.utils import timezone

from portal.ledger.models import FIRST_HASH, Entry, newest
from portal.ledger.verbs import Verb

# Any number will do, as long as nothing else in the database takes it.
CHAIN_LOCK = 0x1ED6E5


@dataclass(frozen=True)
class Break:
    """The first entry at which the chain does not hold, and why."""

    number: int
    reason: str


def record(
    verb: Verb,
    *,
    subject: models.Model,
    by: AbstractBaseUser | None,
    data: Mapping[str, Any] | None = None,
    address: str | None = None,
) -> Entry:
    """Append one entry in the caller's transaction; `by` is None when the portal itself acted.

    Writers queue on one advisory lock until they commit, so that the chain has no forks
    and no gaps; call it late in the transaction. Three statements.

    Raises TransactionManagementError outside a transaction.
    """
    return record_all(verb, [(subject, data or {})], by=by, address=address)[0]


def record_all(
    verb: Verb,
    facts: Sequence[tuple[models.Model, Mapping[str, Any]]],
    *,
    by: AbstractBaseUser | None,
    address: str | None = None,
) -> list[Entry]:
    """As `record`, one entry for each subject with its data, in their order. Three statements for all."""
    connection.validate_no_broken_transaction()
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "A ledger entry belongs in the transaction of its change."
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
    last_number, previous_hash = newest()
    entries = []
    for number, (subject, data) in enumerate(facts, start=last_number + 1):
        entry = _entry(verb, subject, data, by=by, address=address)
        entry.number, entry.previous_hash = number, previous_hash
        entry.hash = previous_hash = entry.expected_hash()
        entries.append(entry)
    return Entry.objects.bulk_create(entries)


def _entry(
    verb: Verb,
    subject: models.Model,
    data: Mapping[str, Any],
    *,
    by: AbstractBaseUser | None,
    address: str | None,
) -> Entry:
    """What happened, not yet in its place in the chain."""
    return Entry(
        at=timezone.now(),
        verb=verb,
        actor_id=by.pk if by is not None else None,
        actor_label=str(by)[:254] if by is not None else "the portal",
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk),
        subject_label=str(subject)[:254],
        address=address or None,
        # What is hashed must be what PostgreSQL gives back, so it is made plain JSON first.
        data=json.loads(json.dumps(dict(data), cls=DjangoJSONEncoder)),
    )


def first_break() -> Break | None:
    """Walk the whole chain; return where it first fails to hold, or None. Reads every entry once."""
    previous_hash, expected_number = FIRST_HASH, 1
    for entry in Entry.objects.all().in_order():
        if entry.number != expected_number:
            return Break(expected_number, "the entry is missing")
        if entry.previous_hash != previous_hash:
            return Break(entry.number, "it does not follow the entry before it")
        if entry.hash != entry.expected_hash():
            return Break(entry.number, "its contents were changed after it was written")
        previous_hash, expected_number = entry.hash, expected_number + 1
    return None
