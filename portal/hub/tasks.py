"""Tasks of downloads: counting and ending them, reading nginx's log, and mailing holders."""

from pathlib import Path

import structlog
from celery import shared_task
from django.conf import settings

from portal.hub import counting, nginx_log, sweeping
from portal.hub.models import HolderMailing

log = structlog.get_logger(__name__)


@shared_task
def count_downloads() -> None:
    """Add the downloads that ended since the last run to the holdings and tallies."""
    counting.count_ended()


@shared_task
def end_silent_downloads() -> None:
    """End the record of the downloads whose server is gone."""
    sweeping.end_silent()


@shared_task
def read_nginx_log() -> None:
    """Record what left through nginx since the last run."""
    if settings.NGINX_DOWNLOAD_LOG:
        try:
            nginx_log.read_new(Path(settings.NGINX_DOWNLOAD_LOG))
        except OSError as error:
            log.error("nginx_log_not_read", error=str(error))  # noqa: TRY400 - the sentence says it all


@shared_task
def send_mailing(*, mailing_id: int) -> None:
    """Send one batch of a mailing, and hand the rest on, so that other tasks get their turn."""
    from portal.hub import posting  # noqa: PLC0415 - loads Anymail's exceptions, and with them requests

    if posting.send_batch(mailing_id):
        send_mailing.delay(mailing_id=mailing_id)


@shared_task
def resume_mailings() -> None:
    """Hand the mailings that nobody works on to a worker again."""
    for mailing_id in HolderMailing.objects.forgotten().values_list("pk", flat=True):
        send_mailing.delay(mailing_id=mailing_id)
