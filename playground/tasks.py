"""The playground's tasks: answer generations, batches and evaluations, find orphans, clean up, probe."""

from uuid import UUID

from celery import shared_task

from playground import dispatching, probing, retention, sweeping, working
from playground.batches import actions as batch_actions
from playground.batches import dispatching as batch_dispatching
from playground.batches import running as batch_running
from playground.batches import storage as batch_storage
from playground.evaluations import dispatching as evaluation_dispatching
from playground.evaluations import running as evaluation_running
from playground.reporting import running as regressions


# Acknowledged early: the sweeper finds the generations of a dead worker within seconds, while the
# broker would deliver them again only after its visibility timeout of hours.
@shared_task(name="playground.tasks.generate", acks_late=False)
def generate(*, generation_id: str) -> None:
    """Answer one generation, on queue `inference`. Delivered twice, it finds the row claimed."""
    working.generate(UUID(generation_id))


@shared_task(name="playground.tasks.send_generations")
def send_generations(*, generation_ids: list[str]) -> None:
    """Send the tasks of many generations, on queue `inference`."""
    dispatching.send_now(generation_ids)


@shared_task(name="playground.tasks.sweep_generations", expires=15)
def sweep_generations() -> None:
    """Leave no generation queued or running that nobody works on."""
    sweeping.sweep()


@shared_task(name="playground.tasks.sweep_conversations", expires=60)
def sweep_conversations() -> None:
    """Delete the conversations whose time is over."""
    retention.sweep()


@shared_task(name="playground.tasks.probe_model", expires=6)
def probe_model() -> None:
    """Write down which models answer; send what waited for one that just became ready."""
    if probing.probe():
        dispatching.resend_held()


# Acknowledged early, as `generate` is.
@shared_task(name="playground.tasks.run_batch", acks_late=False)
def run_batch(*, batch_id: str, turn: int) -> None:
    """Have one turn with a batch, on queue `batch`. Delivered twice, it finds the turn taken."""
    batch_running.run(batch_id, turn=turn)


@shared_task(name="playground.tasks.sweep_batches", expires=10)
def sweep_batches() -> None:
    """Leave no batch behind that nobody works on."""
    batch_dispatching.resend_lost()


@shared_task(name="playground.tasks.remove_old_files", expires=600)
def remove_old_files() -> None:
    """Remove the files that have expired, and bytes that belong to none."""
    batch_actions.forget_expired()
    batch_storage.remove_strays()


# Acknowledged early, as `generate` is.
@shared_task(name="playground.tasks.run_evaluation", acks_late=False)
def run_evaluation(*, run_id: str, turn: int) -> None:
    """Have one turn with an evaluation, on queue `batch`. Delivered twice, it finds the turn taken."""
    evaluation_running.run(UUID(run_id), turn=turn)


@shared_task(name="playground.tasks.start_regressions", expires=60)
def start_regressions() -> None:
    """Ask the regression suites of the revisions that have not been asked."""
    regressions.start_due()


@shared_task(name="playground.tasks.sweep_evaluations", expires=10)
def sweep_evaluations() -> None:
    """Leave no evaluation behind that nobody works on."""
    evaluation_dispatching.resend_lost()
