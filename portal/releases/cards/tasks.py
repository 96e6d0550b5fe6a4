"""Tasks of cards: revisions are measured away from the pages that show what was measured."""

import structlog
from celery import shared_task

from portal.releases.cards import measuring
from portal.releases.models import Revision

log = structlog.get_logger(__name__)


@shared_task
def measure_revision(*, revision_id: int) -> None:
    """Measure one revision that nobody has measured; while the store is away, the sweep does it later."""
    revision = Revision.objects.filter(pk=revision_id, measurement=None).first()
    if revision is None:
        return
    try:
        measuring.measure(revision)
    except OSError as error:
        log.warning("revision_unmeasured", revision_id=revision_id, reason=str(error))


@shared_task
def measure_unmeasured() -> None:
    """Have every revision measured that was not: older than measurements, or its task was lost."""
    for revision_id in Revision.objects.filter(measurement=None).values_list("pk", flat=True):
        measure_revision.delay(revision_id=revision_id)
