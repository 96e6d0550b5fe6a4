"""Waves, released at their time beside the requests."""

from uuid import UUID

from celery import shared_task

from portal.admissions.models import Wave
from portal.admissions.waves import work


# Acknowledged early, as decisions on many are: `release_due_waves` finds what a killed worker has left.
@shared_task(name="portal.admissions.wave_tasks.release_wave", acks_late=False)
def release_wave(*, wave_id: str) -> None:
    """Release one whose time has come; delivered twice, it is drawn once and two workers share the rest."""
    if found := Wave.objects.filter(pk=UUID(wave_id)).first():
        work.release(found)


@shared_task(name="portal.admissions.wave_tasks.release_due_waves", expires=15)
def release_due_waves() -> None:
    """Begin with those whose time has come, and go on with those whose worker died."""
    for found in (Wave.objects.due(), Wave.objects.forgotten()):
        for pk in found.order_by("scheduled_at").values_list("pk", flat=True):
            release_wave.delay(wave_id=str(pk))
