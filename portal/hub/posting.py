"""Sending the mails of a mailing: batch by batch, by any number of workers, to nobody twice.

Each mail is claimed before it is sent and marked after it. Where a worker is killed
between the two, nobody knows whether the mail left: it is not sent again by itself, but
shown as one that may not have arrived, and staff decide.
"""

import smtplib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from anymail.exceptions import AnymailAPIError, AnymailError
from django.core.mail import get_connection
from django.db.models import F, Q
from django.utils import timezone

from portal.hub import letters
from portal.hub.models import HolderMail, HolderMailing, MailStatus

BATCH_MAILS = 50
# A server that puts one address off is asked again after so long, some hours through.
AGAIN_AFTER = timedelta(seconds=60)
ATTEMPTS_MAX = 200
# Above the longest time that one message can take to a slow server (EMAIL_TIMEOUT for each of its steps).
SENDING_SECONDS_MAX = 300
PERMANENT = 500
TOO_MANY = 429

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt, and whether the mail server is there for the next one."""

    status: MailStatus
    error: str = ""
    is_away: bool = False


def send_batch(mailing_id: int, *, size: int = BATCH_MAILS) -> bool:
    """Send the next mails of a mailing; return whether more can be sent at once.

    Safe to call at any time and by several workers. A mail server that is away is
    noted, and nothing is lost: `HolderMailing.objects.forgotten()` finds the rest again.
    """
    mailing = HolderMailing.objects.select_related("revision__release").get(pk=mailing_id)
    _give_up_claims(mailing)
    connection = get_connection()
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("mail_server_away", mailing_id=mailing_id, error=str(error))
        _note(mailing, trouble=f"The mail server cannot be reached: {error}")
        return False
    _note(mailing, trouble="")
    try:
        for mail in _ready(mailing)[:size]:
            if not _claim(mail):
                continue
            outcome = _deliver(mailing, mail, connection)
            _mark(mail, outcome)
            _note(mailing, trouble=outcome.error if outcome.is_away else "")
            if outcome.is_away:
                return False
    finally:
        _close(connection)
    return bool(_ready(mailing).exists())


def _ready(mailing: HolderMailing, *, at: datetime | None = None) -> Any:
    is_due = Q(tried_at=None) | Q(tried_at__lt=(at or timezone.now()) - AGAIN_AFTER)
    waiting = mailing.mails.filter(is_due, status=MailStatus.WAITING)
    return waiting.select_related("user").order_by("pk")


def _claim(mail: HolderMail) -> bool:
    """Whether this worker, and no other, is to send it now. One UPDATE."""
    mine = HolderMail.objects.filter(pk=mail.pk, status=MailStatus.WAITING, attempts=mail.attempts)
    changes = {"status": MailStatus.SENDING, "tried_at": timezone.now(), "attempts": F("attempts") + 1}
    return bool(mine.update(**changes))


def _mark(mail: HolderMail, outcome: Outcome) -> None:
    status = outcome.status
    if status == MailStatus.WAITING and mail.attempts + 1 >= ATTEMPTS_MAX:
        status = MailStatus.REFUSED
    claimed = HolderMail.objects.filter(pk=mail.pk, status=MailStatus.SENDING, attempts=mail.attempts + 1)
    claimed.update(status=status, error=outcome.error[:300])


def _give_up_claims(mailing: HolderMailing) -> None:
    """Say of the mails that a killed worker had in hand that nobody knows whether they left."""
    long_ago = timezone.now() - timedelta(seconds=SENDING_SECONDS_MAX)
    lost = mailing.mails.filter(status=MailStatus.SENDING, tried_at__lt=long_ago)
    lost.update(status=MailStatus.UNSURE, error="The worker was stopped while it sent this one.")


def _note(mailing: HolderMailing, *, trouble: str) -> None:
    HolderMailing.objects.filter(pk=mailing.pk).update(alive_at=timezone.now(), trouble=trouble[:300])


def _deliver(mailing: HolderMailing, mail: HolderMail, connection: Any) -> Outcome:
    try:
        letter = letters.compose(
            mailing.revision,
            person=mail.user,
            to=mail.email,
            subject=mailing.subject,
            body=mailing.body,
            reason=mailing.reason,
        )
        letter.message(connection).send()
    except (smtplib.SMTPException, AnymailError, OSError, ValueError) as error:
        outcome = _judge(error)
        log.warning("holder_mail_not_sent", mail_id=mail.pk, status=outcome.status, error=outcome.error)
        return outcome
    return Outcome(MailStatus.SENT)


def _judge(error: Exception) -> Outcome:
    """What an error of the mail server means: no for good, not now, or nobody knows."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        (code, words), *_ = error.recipients.values()
        return _answered(code, _words(words))
    if isinstance(error, smtplib.SMTPResponseException):
        return _answered(error.smtp_code, _words(error.smtp_error))
    if isinstance(error, AnymailAPIError) and error.status_code is not None:
        is_later = error.status_code >= PERMANENT or error.status_code == TOO_MANY
        return Outcome(
            MailStatus.WAITING if is_later else MailStatus.REFUSED,
            f"The mail provider answered {error.status_code}.",
            is_away=is_later,
        )
    if isinstance(error, OSError | smtplib.SMTPException):
        # The connection broke after the message may have been taken.
        return Outcome(MailStatus.UNSURE, f"The connection to the mail server broke: {error}", is_away=True)
    return Outcome(MailStatus.REFUSED, str(error))


def _answered(code: int, words: str) -> Outcome:
    sentence = f"The mail server answered {code} {words}"
    return Outcome(MailStatus.REFUSED if code >= PERMANENT else MailStatus.WAITING, sentence)


def _words(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _close(connection: Any) -> None:
    try:
        connection.close()
    except (OSError, smtplib.SMTPException) as error:
        log.info("mail_connection_not_closed", error=str(error))
