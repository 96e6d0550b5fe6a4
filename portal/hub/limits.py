"""How much one person may download: so many bytes a day, and so many downloads at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, Count, F, Q, Sum, When
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from portal.common.refusals import Refusal
from portal.hub.models import Carrier, Download

# A server that was killed cannot say that its downloads have ended.
SILENCE = timedelta(seconds=60)
TRY_AGAIN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Spent:
    """What a person has taken today (UTC): bytes that left or are promised, and downloads under way."""

    byte_count: int
    running_count: int


def spent(user_id: int, *, at: datetime | None = None) -> Spent:
    """What `user_id` has taken at `at` (None: now). One query.

    A download that is under way counts with all it was asked for, so that no number of
    them begun at once goes beyond the limit. nginx counts its own connections, since the
    portal learns of their end late.
    """
    moment = at or timezone.now()
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    is_running = Q(ended_at=None, alive_at__gt=moment - SILENCE, carrier=Carrier.PORTAL)
    found = Download.objects.filter(user_id=user_id, started_at__gte=today).aggregate(
        byte_count=Sum(Case(When(ended_at=None, then=F("asked_bytes")), default=F("sent_bytes"))),
        running_count=Count("pk", filter=is_running),
    )
    return Spent(found["byte_count"] or 0, found["running_count"])


def refuse_bytes(
    taken: Spent, *, asked_bytes: int = 1, reference: str = "", at: datetime | None = None
) -> Refusal | None:
    """The refusal, with `reference`, when so many bytes more would be too many for the day."""
    if taken.byte_count + asked_bytes <= settings.DOWNLOAD_BYTES_PER_DAY:
        return None
    moment = at or timezone.now()
    hours = 24 - moment.hour
    return Refusal(
        "bytes_per_day",
        f"You have downloaded {_size(taken.byte_count)} today, and one person may download "
        f"{_size(settings.DOWNLOAD_BYTES_PER_DAY)} a day (UTC). The count starts anew in "
        f"{hours} hour{'s' if hours > 1 else ''}; what you have is kept, and the same command goes on then.",
        status=403,
        remedy="/releases/downloads/",
        reference=reference,
    )


def refuse_another(taken: Spent, *, reference: str = "") -> Refusal | None:
    """The refusal, with `reference`, when one download more at once would be too many."""
    if taken.running_count < settings.DOWNLOADS_AT_ONCE:
        return None
    return Refusal(
        "downloads_at_once",
        f"You have {taken.running_count} downloads under way, which is as many as one person may have "
        "at once. Wait until one has ended.",
        status=429,
        reference=reference,
    )


def _size(count_bytes: int) -> str:
    return filesizeformat(count_bytes).replace("\xa0", " ")
