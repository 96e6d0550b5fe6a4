"""What is done for keys beside requests: usage is written to the database, and old sign-ins go."""

from celery import shared_task

from portal.keys import devices, usage


@shared_task
def record_usage() -> None:
    """Add what the gateway metered since the last run to the daily sums."""
    usage.record_new()


@shared_task
def sweep_device_logins() -> None:
    """Delete the sign-ins of devices that are long over."""
    devices.sweep()
