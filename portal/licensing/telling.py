"""Telling those who accepted a licence of a new version: when it is announced, and while grace runs out.

Who is told is written down in the transaction of the change. Workers claim what waits, batch by batch, and
each mail is marked as sent in the transaction in which it leaves. Where a worker is killed before, the claim
runs out and another one sends it; no second task of a mail sends it again. Only one that is killed in the
moment between the mail and the commit sends it twice: whoever is not told loses access unawares.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from portal.common import mail
from portal.licensing.models import Acceptance, LicenceVersion, Notice, NoticeKind
from portal.licensing.standing import Standing, asked_by, holders_of, standing_for

BATCH_MAILS = 50
ROWS_AT_ONCE = 1_000
# How long before the end of grace each reminder is due, the earlier one first.
REMINDERS = {NoticeKind.WEEK: timedelta(days=7), NoticeKind.DAY: timedelta(days=1)}


def announce(version: LicenceVersion) -> int:
    """Write down whom to tell of a version that was published or scheduled; return how many there are."""
    return _note(version, NoticeKind.ANNOUNCED, holders_of(version).values_list("pk", flat=True))


def call_off(version: LicenceVersion) -> int:
    """Write down to tell those who were told of the day; those who were not are not told at all."""
    announced = version.notices.filter(kind=NoticeKind.ANNOUNCED, published_at=version.in_force_from)
    announced.filter(sent_at=None).delete()
    told = announced.filter(user__is_active=True).values_list("user", flat=True)
    return _note(version, NoticeKind.CALLED_OFF, told)


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
                counting = Acceptance.objects.counting(at=moment).filter(
                    user=OuterRef("pk"), version__licence=version.licence_id
                )
                people = asked_by(version).filter(Exists(counting)).exclude(pk__in=told)
                count += _note(version, kind, people.values_list("pk", flat=True))
    return count


@transaction.atomic
def claim_batch(*, size: int = BATCH_MAILS) -> list[int]:
    """Claim the next mails for the caller, who has each delivered; none twice while its claim lasts."""
    free = Notice.objects.waiting().select_for_update(skip_locked=True).order_by("pk")
    ids = list(free.values_list("pk", flat=True)[:size])
    Notice.objects.filter(pk__in=ids).update(claimed_at=timezone.now(), attempts=F("attempts") + 1)
    return ids


@transaction.atomic
def deliver(notice_id: int) -> None:
    """Send one mail, unless it was sent, or is being sent by another worker.

    Its row is locked while the mail leaves. Raises what the mail provider's library does; the mail then
    waits for its claim to run out.
    """
    mine = Notice.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=notice_id, sent_at=None)
    notice = mine.select_related("version__licence", "user").first()
    if notice is None:
        return
    # Written first, so that between the mail and the commit there is as little as can be.
    Notice.objects.filter(pk=notice.pk).update(sent_at=timezone.now())
    if _is_due(notice, standing := _standing(notice)):
        _send(notice, standing)


def _due(version: LicenceVersion, moment: datetime) -> NoticeKind | None:
    ends_at, published_at = version.grace_ends_at, version.published_at
    if ends_at is None or published_at is None:
        return None
    kind = NoticeKind.DAY if ends_at - moment <= REMINDERS[NoticeKind.DAY] else NoticeKind.WEEK
    return kind if published_at < ends_at - REMINDERS[kind] else None


def _note(version: LicenceVersion, kind: NoticeKind, people: Iterable[int]) -> int:
    notices = [
        Notice(version=version, user_id=pk, kind=kind, published_at=version.in_force_from) for pk in people
    ]
    Notice.objects.bulk_create(notices, batch_size=ROWS_AT_ONCE, ignore_conflicts=True)
    return len(notices)


def _standing(notice: Notice) -> Standing | None:
    if notice.kind == NoticeKind.CALLED_OFF:
        return None
    return standing_for(notice.user, notice.version)


def _is_due(notice: Notice, standing: Standing | None) -> bool:
    """Whether there is still something to say: not to who left, nor to remind of a day that is not theirs."""
    if not notice.user.is_active:
        return False
    if notice.kind not in REMINDERS:
        return True
    # Who has accepted meanwhile has no such day, and whom an older version stops earlier has another.
    return standing is not None and standing.counts and standing.until == notice.version.grace_ends_at


def _send(notice: Notice, standing: Standing | None) -> None:
    version = notice.version
    is_reminder = notice.kind in REMINDERS
    # What a person can accept is what is in force, which may be newer than the version that asks.
    wanted = version.licence.current_version() or version if is_reminder else version
    letter = mail.compose(
        f"licence_{'reminder' if is_reminder else notice.kind}",
        to=notice.user.email,
        subject=_subject(notice, wanted, standing),
        context={
            "notice": notice,
            "version": wanted,
            "licence": version.licence,
            "name": notice.user.name,
            "standing": standing,
            "is_closed_from_then": standing is not None and standing.until == version.published_at,
        },
    )
    letter.message().send()


def _subject(notice: Notice, version: LicenceVersion, standing: Standing | None) -> str:
    day = f"{notice.published_at:%-d %B %Y}"
    if notice.kind == NoticeKind.CALLED_OFF:
        return f"{version} does not come into force on {day}"
    if notice.kind in REMINDERS and standing is not None:
        return f"Accept {version} {standing.deadline}"
    if version.is_scheduled():
        return f"{version} comes into force on {day}"
    return f"{version} is in force"
