"""The app of `playground`."""

from typing import Any

from celery.signals import worker_shutting_down
from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    """`playground`."""

    name = "playground"

    def ready(self) -> None:
        """Have the worker's turns with batches end when it is asked to stop."""
        worker_shutting_down.connect(_end_turns, dispatch_uid="playground.batches")


def _end_turns(**_: Any) -> None:
    # Models can be imported only when all apps are there.
    from playground.batches import turns  # noqa: PLC0415

    turns.stop_all()
