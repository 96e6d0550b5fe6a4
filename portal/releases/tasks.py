"""Tasks of releases: importing weights, and taking up imports whose worker is gone."""

import time

from celery import shared_task

from portal.releases import importing, integrity_tasks, store
from portal.releases.cards import tasks as card_tasks
from portal.releases.models import WeightImport
from portal.releases.safety import reminding

# Workers look for tasks in modules of this name only.
__all__ = ["card_tasks", "import_weights", "integrity_tasks", "reminding", "resume_imports"]

LEFTOVERS_AFTER_SECONDS = 24 * 3600


@shared_task
def import_weights(*, import_id: int) -> None:
    """Do one import, or go on with it where a worker before this one was killed."""
    importing.run(import_id)


@shared_task
def resume_imports() -> None:
    """Hand the imports that nobody works on to a worker again, and clear away what crashes left."""
    for import_id in WeightImport.objects.forgotten().values_list("pk", flat=True):
        import_weights.delay(import_id=import_id)
    store.sweep_incoming(older_than_seconds=LEFTOVERS_AFTER_SECONDS, now=time.time())
