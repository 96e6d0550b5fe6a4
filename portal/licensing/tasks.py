"""Tasks of licences: mails to those who accepted one."""

from celery import shared_task

from portal.licensing import telling


@shared_task
def send_notices() -> None:
    """Have one batch of what waits delivered, and hand the rest on, so that other tasks get their turn."""
    for notice_id in (batch := telling.claim_batch()):
        deliver_notice.delay(notice_id=notice_id)
    if batch:
        send_notices.delay()


@shared_task
def deliver_notice(*, notice_id: int) -> None:
    """Send one mail; one that fails is handed out again by `send_notices`, which beat calls."""
    telling.deliver(notice_id)


@shared_task
def remind_of_grace() -> None:
    """Remind those whose days of grace run out."""
    if telling.remind():
        send_notices.delay()
