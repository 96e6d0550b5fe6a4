"""Mail without a provider: one `.eml` file a message, readable at /dev/mail/ in development."""

import email
import uuid
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage as ParsedMessage
from email.policy import default as default_policy
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

SHOWN_AT_MOST = 100


class FileBackend(BaseEmailBackend):
    """Write each message to its own file under `EMAIL_FILE_PATH`, newest name last."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages; return how many were written."""
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%dT%H%M%S-%f}-{uuid.uuid4().hex[:8]}.eml"
            part = folder / f"{name}.part"
            part.write_bytes(message.message().as_bytes())
            part.rename(folder / name)
        return len(email_messages)


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List the newest messages that were written to files; 404 outside DEBUG."""
    _only_in_development()
    paths = sorted(Path(settings.EMAIL_FILE_PATH).glob("*.eml"), reverse=True)[:SHOWN_AT_MOST]
    return render(request, "devmail/inbox.html", {"messages_sent": [_summary(path) for path in paths]})


@require_safe
def message(request: HttpRequest, name: str) -> HttpResponse:
    """Show one message as text, its links clickable; 404 outside DEBUG."""
    _only_in_development()
    path = Path(settings.EMAIL_FILE_PATH) / f"{name}.eml"
    if not path.is_file():
        raise Http404("No such message.")
    summary = _summary(path)
    body = _parse(path).get_body(("plain", "html"))
    return render(request, "devmail/message.html", summary | {"body": body.get_content() if body else ""})


def _only_in_development() -> None:
    if not settings.DEBUG:
        raise Http404("Mail is readable here in development only.")


def _parse(path: Path) -> ParsedMessage:
    parsed = email.message_from_bytes(path.read_bytes(), policy=default_policy)
    assert isinstance(parsed, ParsedMessage)
    return parsed


def _summary(path: Path) -> dict[str, object]:
    parsed = _parse(path)
    return {
        "name": path.stem,
        "subject": parsed["Subject"],
        "to": parsed["To"],
        "sent_at": datetime.fromtimestamp(path.stat().st_mtime, tz=timezone.get_current_timezone()),
    }
