"""The task that delivers mail."""

import smtplib

from celery import shared_task
from django.core.mail import EmailMultiAlternatives


@shared_task(
    autoretry_for=(smtplib.SMTPException, OSError), retry_backoff=5, retry_backoff_max=3600, max_retries=12
)
def deliver_mail(
    *, subject: str, to: str, text: str, html: str = "", headers: dict[str, str] | None = None
) -> None:
    """Deliver one message; a provider that is away is tried again with growing pauses for some hours."""
    message = EmailMultiAlternatives(subject=subject, body=text, to=[to], headers=headers)
    if html:
        message.attach_alternative(html, "text/html")
    message.send()
