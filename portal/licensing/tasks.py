"""Tasks of licences: mails to those who accepted one."""

from celery import shared_task

from portal.licensing import telling


@shared_task
def send_notices() -> None:
    """Send one batch of what waits, and hand the rest on, so that other tasks get their turn."""
    if telling.send_batch():
        send_notices.delay()


@shared_task
def remind_of_grace() -> None:
    """Remind those whose days of grace run out."""
    if telling.remind():
        send_notices.delay()
