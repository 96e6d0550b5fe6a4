"""What is done for keys beside requests: usage is written to the database, and old sign-ins go."""

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from portal.keys import alerts, devices, networks, usage


@shared_task
def record_usage() -> None:
    """Add what the gateway metered since the last run to the daily sums."""
    usage.record_new()


@shared_task
def alert_of_usage() -> None:
    """Mail whom it concerns that a budget of tokens runs out."""
    alerts.look()


@shared_task
def sweep_device_logins() -> None:
    """Delete the sign-ins of devices that are long over."""
    devices.sweep()


@shared_task
@transaction.atomic
def note_network(*, key_id: int, address: str, client: str) -> None:
    """Remember from which network a key was used, and mail its owner if that is a new one."""
    networks.note([networks.Use(key_id, timezone.now(), address, client)])
