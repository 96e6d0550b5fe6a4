"""Celery's way to Valkey, mended: a worker outlives a Valkey that goes away while tasks run.

kombu 5.7 restores and acknowledges messages through a connection that it has just closed,
falls over its own None, and takes the whole worker with it. Without a connection there is
nothing to restore: the tasks run on here, and what was not acknowledged is delivered again
after the visibility timeout, as any late-acknowledged task expects.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis


class QoS(kombu_redis.QoS):
    """Acknowledgements that do nothing once their channel has lost its connection."""

    def ack(self, delivery_tag: Any) -> None:
        """Acknowledge a message, if there is still somebody to tell."""
        if self._is_connected():
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: Any, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's own
        """Reject a message, if there is still somebody to tell."""
        if self._is_connected():
            super().reject(delivery_tag, requeue=requeue)  # type: ignore[no-untyped-call]

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Give back what was not begun, which works on an orderly shutdown only."""
        if self._is_connected():
            super().restore_unacked_once(stderr)  # type: ignore[no-untyped-call]

    def _is_connected(self) -> bool:
        transport = self.channel.connection
        return transport is not None and transport.client is not None


class Channel(kombu_redis.Channel):
    """A channel with the mended acknowledgements."""

    QoS = QoS


class Transport(kombu_redis.Transport):
    """What `redis://` and `redis+socket://` mean to Celery here."""

    Channel = Channel


def install() -> None:
    """Let kombu use it for every Redis address."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
