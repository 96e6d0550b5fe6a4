"""Decisions on many applications, carried out beside the requests."""

from uuid import UUID

from celery import shared_task

from portal.admissions.bulk import work
from portal.admissions.models import BulkDecision


# Acknowledged early: `resume_bulk_decisions` finds what a killed worker has left within a minute, while
# the broker would deliver it again only after its visibility timeout of hours.
@shared_task(name="portal.admissions.tasks.decide_in_bulk", acks_late=False)
def decide_in_bulk(*, bulk_id: str) -> None:
    """Decide on what is left of one; delivered twice, two workers share it."""
    if found := BulkDecision.objects.filter(pk=UUID(bulk_id)).first():
        work.carry_out(found)


@shared_task(name="portal.admissions.tasks.resume_bulk_decisions", expires=15)
def resume_bulk_decisions() -> None:
    """Go on with those whose worker died."""
    for pk in BulkDecision.objects.forgotten().values_list("pk", flat=True):
        decide_in_bulk.delay(bulk_id=str(pk))
