"""Reminding people before sign-offs end: a door that shuts on a date should surprise nobody."""

from datetime import datetime, timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from portal.accounts.roles import holders_of
from portal.common import mail
from portal.releases.models import ReleaseStatus, SignOff, SignOffQuerySet

# How long before the end each reminder is due, the earlier one first.
DUE_BEFORE = (timedelta(days=14), timedelta(days=3))
MANAGE = "releases.manage_release"


def ending(*, at: datetime | None = None) -> SignOffQuerySet:
    """The live sign-offs on which open releases rest and that end within the first reminder's time."""
    moment = at or timezone.now()
    live = SignOff.objects.live(at=moment).filter(expires_at__lte=moment + DUE_BEFORE[0])
    resting = live.filter(revision__is_current=True, revision__release__status=ReleaseStatus.OPEN)
    return resting.select_related("revision__release", "signer").order_by("expires_at")


def remind(*, at: datetime | None = None) -> int:
    """Send the reminders that are due by `at` (None: now), each once; return for how many sign-offs."""
    moment = at or timezone.now()
    return sum(_remind(one, moment) for one in ending(at=moment))


@shared_task
def remind_of_sign_offs() -> None:
    """Remind people of the sign-offs that end soon."""
    remind()


@transaction.atomic
def _remind(sign_off: SignOff, moment: datetime) -> bool:
    due = sum(sign_off.expires_at - before <= moment for before in DUE_BEFORE)
    # Two workers at once find the same row; only one of them changes it.
    rows = SignOff.objects.filter(pk=sign_off.pk, reminders_sent__lt=due)
    if not rows.update(reminders_sent=due):
        return False
    release = sign_off.revision.release
    people = {person.email: person for person in holders_of(MANAGE)}
    if sign_off.signer.is_active:
        people[sign_off.signer.email] = sign_off.signer
    for email, person in people.items():
        mail.send(
            "sign_off_ends",
            to=email,
            subject=f"{release} closes on {sign_off.expires_at:%-d %B} unless it is signed again",
            context={"person": person, "sign_off": sign_off, "release": release},
        )
    return True
