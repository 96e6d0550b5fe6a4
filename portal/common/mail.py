"""Mail to people: rendered from a template pair now, delivered by a worker after the commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string

from portal.common.tasks import deliver_mail


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered message to one address."""

    subject: str
    to: str
    text: str
    html: str

    def message(self, connection: Any = None) -> EmailMultiAlternatives:
        """The message as Django sends it, through an open `connection` of a mail backend if there is one."""
        message = EmailMultiAlternatives(self.subject, self.text, to=[self.to], connection=connection)
        message.attach_alternative(self.html, "text/html")
        return message


def compose(template: str, *, to: str, subject: str, context: Mapping[str, Any]) -> Letter:
    """Render `mail/<template>.txt` and `.html` with `context` to one address.

    The context also knows `site_name`, `organisation_name`, `portal_url` (no slash at the end) and `subject`.
    """
    known = {
        "site_name": settings.SITE_NAME,
        "organisation_name": settings.ORGANISATION_NAME,
        "portal_url": settings.PORTAL_URL,
        "subject": subject,
        **context,
    }
    return Letter(
        subject=subject,
        to=to,
        text=render_to_string(f"mail/{template}.txt", known),
        html=render_to_string(f"mail/{template}.html", known),
    )


def send(
    template: str, *, to: str, subject: str, context: Mapping[str, Any], unsubscribe_path: str = ""
) -> None:
    """Send what `compose` makes of these after the commit.

    A mail that one may do without names the page at `unsubscribe_path` in its text and, for mail programs
    with a button of their own, in its headers (RFC 8058).
    """
    known = {**context, "unsubscribe_path": unsubscribe_path}
    letter = compose(template, to=to, subject=subject, context=known)
    headers = _unsubscribing(unsubscribe_path) if unsubscribe_path else {}
    enqueue(subject=subject, to=to, text=letter.text, html=letter.html, headers=headers)


def enqueue(
    *, subject: str, to: str, text: str, html: str = "", headers: Mapping[str, str] | None = None
) -> None:
    """Hand a rendered message to a worker once the current transaction has committed."""
    told = {"subject": subject, "to": to, "text": text, "html": html, "headers": dict(headers or {})}
    transaction.on_commit(partial(deliver_mail.delay, **told))


def _unsubscribing(path: str) -> dict[str, str]:
    return {
        "List-Unsubscribe": f"<{settings.PORTAL_URL}{path}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
