"""Telling those who accepted a licence of a new version: when it is announced, and while grace runs out.

Who is told is written down in the transaction of the change, and a worker sends, batch by batch. Each mail is
claimed by an update in the transaction that hands it to the mail task, so nobody is told twice.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.common import mail
from portal.licensing.models import LicenceVersion, Notice, NoticeKind
from portal.licensing.standing import asked_by, holders_of, last_day

BATCH_MAILS = 50
ROWS_AT_ONCE = 1_000
# How long before the end of grace each reminder is due, the earlier one first.
REMINDERS = {NoticeKind.WEEK: timedelta(days=7), NoticeKind.DAY: timedelta(days=1)}


def announce(version: LicenceVersion) -> int:
    """Write down whom to tell of a version that was published or scheduled; return how many there are."""
    asked = set(asked_by(version).values_list("pk", flat=True))
    people = list(holders_of(version).values_list("pk", flat=True))
    return _note(version, NoticeKind.ANNOUNCED, ((pk, pk in asked) for pk in people))


def call_off(version: LicenceVersion) -> int:
    """Write down to tell those who were told of the day; those who were not are not told at all."""
    announced = version.notices.filter(kind=NoticeKind.ANNOUNCED, published_at=version.in_force_from)
    announced.filter(sent_at=None).delete()
    people = list(announced.filter(user__is_active=True).values_list("user", flat=True))
    return _note(version, NoticeKind.CALLED_OFF, ((pk, False) for pk in people))


def remind(*, at: datetime | None = None) -> int:
    """Write down whom to remind that their days of grace run out; return how many are new.

    Safe to call at any time, as often as one likes. A reminder that fell due before the version was
    published is left out: the announcement was enough.
    """
    moment = at or timezone.now()
    ending = Q(grace_ends_at__gt=moment, grace_ends_at__lte=moment + REMINDERS[NoticeKind.WEEK])
    count = 0
    for version in LicenceVersion.objects.published(at=moment).filter(ending).select_related("licence"):
        kind = _due(version, moment)
        if kind is not None:
            with transaction.atomic():
                told = version.notices.filter(kind=kind).values("user")
                people = asked_by(version).exclude(pk__in=told).values_list("pk", flat=True)
                count += _note(version, kind, [(pk, True) for pk in people])
    return count


def send_batch(*, size: int = BATCH_MAILS) -> bool:
    """Hand the next mails to the mail task; return whether there are more."""
    waiting = Notice.objects.filter(sent_at=None).order_by("pk").select_related("version__licence", "user")
    for notice in waiting[:size]:
        with transaction.atomic():
            if _claim(notice) and _is_due(notice):
                _send(notice)
    return Notice.objects.filter(sent_at=None).exists()


def _due(version: LicenceVersion, moment: datetime) -> NoticeKind | None:
    ends_at, published_at = version.grace_ends_at, version.published_at
    if ends_at is None or published_at is None:
        return None
    kind = NoticeKind.DAY if ends_at - moment <= REMINDERS[NoticeKind.DAY] else NoticeKind.WEEK
    return kind if published_at < ends_at - REMINDERS[kind] else None


def _note(version: LicenceVersion, kind: NoticeKind, people: Iterable[tuple[int, bool]]) -> int:
    notices = [
        Notice(
            version=version,
            user_id=pk,
            kind=kind,
            published_at=version.in_force_from,
            must_accept=must_accept,
        )
        for pk, must_accept in people
    ]
    Notice.objects.bulk_create(notices, batch_size=ROWS_AT_ONCE, ignore_conflicts=True)
    return len(notices)


def _claim(notice: Notice) -> bool:
    """Whether this worker, and no other, is to send it. One UPDATE."""
    mine: QuerySet[Notice] = Notice.objects.filter(pk=notice.pk, sent_at=None)
    return bool(mine.update(sent_at=timezone.now()))


def _is_due(notice: Notice) -> bool:
    """Whether there is still something to say: not to who left, nor to remind who has accepted."""
    if not notice.user.is_active:
        return False
    if notice.kind in REMINDERS:
        return asked_by(notice.version).filter(pk=notice.user_id).exists()
    return True


def _send(notice: Notice) -> None:
    mail.send(
        f"licence_{'reminder' if notice.kind in REMINDERS else notice.kind}",
        to=notice.user.email,
        subject=_subject(notice),
        context={
            "notice": notice,
            "version": notice.version,
            "licence": notice.version.licence,
            "name": notice.user.name,
            "last_day": last_day(notice.version.grace_ends_at) if notice.version.grace_ends_at else "",
        },
    )


def _subject(notice: Notice) -> str:
    version, day = notice.version, f"{notice.published_at:%-d %B %Y}"
    if notice.kind == NoticeKind.CALLED_OFF:
        return f"{version} does not come into force on {day}"
    if notice.kind in REMINDERS and version.grace_ends_at is not None:
        return f"Accept {version} by {last_day(version.grace_ends_at)}"
    if version.is_scheduled():
        return f"{version} comes into force on {day}"
    return f"{version} is in force"
