"""What staff do to the limits of the API: they are set and removed. Both are felt within a second."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.admissions.models import Programme
from portal.common.refusals import Refusal
from portal.keys.models import ApiKey, Limit
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Release

NUMBERS = (
    "requests_per_minute",
    "concurrent_requests",
    "tokens_per_minute",
    "tokens_per_day",
    "tokens_total",
)
Subject = ApiKey | User | Programme | Release


@transaction.atomic
def set_limit(
    subject: Subject,
    *,
    numbers: Mapping[str, int | None],
    by: User,
    for_each_person: bool = False,
    address: str | None = None,
) -> Limit:
    """Limit what `subject` may use; `numbers` are fields of `Limit`, those not named are unlimited.

    It takes the place of the limit of that kind that there was, and of the settings' own.
    `for_each_person` limits everyone's part alone, and is for programmes and releases.

    Raises Refusal for a limit without a number, and for a person or a key for each person.
    """
    if unknown := set(numbers) - set(NUMBERS):
        raise ValueError(f"There is no limit of {', '.join(sorted(unknown))}.")
    if all(numbers.get(name) is None for name in NUMBERS):
        raise Refusal("empty_limit", "Give at least one number. To have no limit, remove it.", status=400)
    if for_each_person and not isinstance(subject, Programme | Release):
        raise Refusal("not_shared", "Only a programme or a release is limited for each person.", status=400)
    limit, before = _row_of(subject, for_each_person=for_each_person)
    for name in NUMBERS:
        setattr(limit, name, numbers.get(name))
    limit.save()
    data = {**_told(limit), "before": before}
    record(Verb.LIMIT_SET, subject=subject, by=by, data=data, address=address)
    return limit


@transaction.atomic
def remove_limit(limit: Limit, *, by: User, address: str | None = None) -> bool:
    """Take a limit away, so that the settings' own holds if there is one; False when it was gone before."""
    row = Limit.objects.select_for_update().filter(pk=limit.pk).first()
    if row is None:
        return False
    data = _told(row)
    row.delete()
    record(Verb.LIMIT_REMOVED, subject=subject_of(limit), by=by, data=data, address=address)
    return True


def subject_of(limit: Limit) -> Subject:
    """What a limit is of. One query unless it is loaded."""
    subject = limit.key or limit.user or limit.programme or limit.release
    assert subject is not None
    return subject


def field_of(subject: Subject) -> str:
    """The field of `Limit` that points at a subject."""
    names = {ApiKey: "key", User: "user", Programme: "programme", Release: "release"}
    return names[type(subject)]


def _row_of(subject: Subject, *, for_each_person: bool) -> tuple[Limit, dict[str, object] | None]:
    """The locked row of that kind, a new one when there is none; and what it said before."""
    kind = {field_of(subject): subject, "for_each_person": for_each_person}
    rows = Limit.objects.select_for_update()
    row = rows.filter(**kind).first()
    if row is None:
        try:
            with transaction.atomic():
                return Limit.objects.create(**kind), None
        except IntegrityError:
            # Somebody else made it at the same moment; the later of the two stays.
            row = rows.get(**kind)
    return row, _told(row)


def _told(limit: Limit) -> dict[str, object]:
    """What the ledger says of a limit."""
    numbers = {name: getattr(limit, name) for name in NUMBERS if getattr(limit, name) is not None}
    return {"for_each_person": limit.for_each_person, **numbers}
