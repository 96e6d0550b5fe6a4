"""Mail to people: rendered from a template pair now, delivered by a worker after the commit."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string

from portal.common.tasks import deliver_mail


def send(template: str, *, to: str, subject: str, context: Mapping[str, Any]) -> None:
    """Send `mail/<template>.txt` and `.html`, rendered with `context`, to one address after the commit.

    The context also knows `site_name`, `organisation_name`, `portal_url` (no slash at the end) and `subject`.
    """
    known = {
        "site_name": settings.SITE_NAME,
        "organisation_name": settings.ORGANISATION_NAME,
        "portal_url": settings.PORTAL_URL,
        "subject": subject,
        **context,
    }
    enqueue(
        subject=subject,
        to=to,
        text=render_to_string(f"mail/{template}.txt", known),
        html=render_to_string(f"mail/{template}.html", known),
    )


def enqueue(*, subject: str, to: str, text: str, html: str = "") -> None:
    """Hand a rendered message to a worker once the current transaction has committed."""
    transaction.on_commit(partial(deliver_mail.delay, subject=subject, to=to, text=text, html=html))
