"""The task that writes metered usage to the database."""

from celery import shared_task

from portal.keys import usage


@shared_task
def record_usage() -> None:
    """Add what the gateway metered since the last run to the daily sums."""
    usage.record_new()
