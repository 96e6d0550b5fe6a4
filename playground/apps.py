"""The app of `playground`."""

from typing import Any

from celery.signals import worker_shutting_down
from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    """`playground`."""

    name = "playground"

    def ready(self) -> None:
        """Have a worker begin nothing new when it is asked to stop, and answers stop with their session."""
        worker_shutting_down.connect(_end_turns, dispatch_uid="playground.batches")
        from playground import signals  # noqa: F401, PLC0415 - models can be imported only now


def _end_turns(**_: Any) -> None:
    # Models can be imported only when all apps are there.
    from playground import turning, working  # noqa: PLC0415

    turning.stop_all()
    working.stop_taking()
