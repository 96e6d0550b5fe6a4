"""The playground's tasks: answer one generation, find orphans, ask whether the models answer."""

from uuid import UUID

from celery import shared_task

from playground import dispatching, readiness, sweeping, working


@shared_task(name="playground.tasks.generate")
def generate(*, generation_id: str) -> None:
    """Answer one generation, on queue `inference`. Redelivered, it finds the row claimed and does nothing."""
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
