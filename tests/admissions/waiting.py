"""A waiting list, and waves for it that are due."""

from datetime import timedelta

from django.utils import timezone

from portal.admissions.choosing import SCORE, Policy
from portal.admissions.models import Application, Wave
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.waves import actions as waves
from tests import cast


def waiting(programme, *scores, country="DE", name="p") -> list[Application]:
    """One on the waiting list for each score."""
    made = []
    for number, score in enumerate(scores):
        one = cast.application(cast.person(f"{name}{number}@example.org"), programme, Status.WAITLISTED)
        Application.objects.filter(pk=one.pk).update(score=score, country=country)
        one.refresh_from_db()
        made.append(one)
    return made


def planned(programme, by, *, size=2, order=SCORE, percent=None, hours=1) -> Wave:
    """A wave of `by`, for in `hours`."""
    at = timezone.now() + timedelta(hours=hours)
    policy = Policy(size, order, percent)
    return waves.plan(programme, name="First wave", policy=policy, scheduled_at=at, by=by)


def due(programme, by, **policy) -> Wave:
    """A wave of `by` whose time has come."""
    made = planned(programme, by, **policy)
    Wave.objects.update(scheduled_at=timezone.now() - timedelta(seconds=1))
    made.refresh_from_db()
    return made
