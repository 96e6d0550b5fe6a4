"""The playground's tasks: answer one generation, find orphans, ask whether the models answer."""

from uuid import UUID

from celery import shared_task

from playground import dispatching, readiness, sweeping, working


# Acknowledged early: the sweeper finds the generations of a dead worker within seconds, while the
# broker would deliver them again only after its visibility timeout of hours.
@shared_task(name="playground.tasks.generate", acks_late=False)
def generate(*, generation_id: str) -> None:
    """Answer one generation, on queue `inference`. Delivered twice, it finds the row claimed."""
    working.generate(UUID(generation_id))


@shared_task(name="playground.tasks.sweep_generations", expires=15)
def sweep_generations() -> None:
    """Leave no generation queued or running that nobody works on."""
    sweeping.sweep()


@shared_task(name="playground.tasks.probe_model", expires=6)
def probe_model() -> None:
    """Write down which models answer; send what waited for one that just became ready."""
    if readiness.probe():
        dispatching.resend_held()
