"""Moments as pages hand them back."""

from datetime import datetime

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware


def moment_or_none(text: str | None) -> datetime | None:
    """A moment that names its zone; None for anything else.

    >>> moment_or_none("2026-11-30T12:00:00+00:00")
    datetime.datetime(2026, 11, 30, 12, 0, tzinfo=datetime.timezone.utc)
    >>> moment_or_none("2026-11-30T12:00:00"), moment_or_none("2026-13-41T00:00:00Z"), moment_or_none("")
    (None, None, None)
    """
    try:
        moment = parse_datetime(text or "")
    except ValueError:
        return None
    return moment if moment and is_aware(moment) else None
