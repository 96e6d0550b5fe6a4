"""What somebody typed when their session ended, kept in the browser's next one until they sign in."""

from collections.abc import Mapping
from typing import Any

from django.core import signing
from django.http import HttpRequest

from portal.accounts.models import User
from portal.admissions.models import Programme

SESSION_KEY = "unsaved_application"
_SIGNER = signing.Signer(salt="portal.admissions.form")


def slip_for(user: User) -> str:
    """The signed slip that each form carries, so that it is known whose it is without a session."""
    return _SIGNER.sign(str(user.pk))


def owner_id(request: HttpRequest) -> int | None:
    """The id of the person to whom the posted form was shown, or None if its slip is forged or missing."""
    try:
        return int(_SIGNER.unsign(request.POST.get("slip", "")))
    except (signing.BadSignature, ValueError):
        return None


def keep(request: HttpRequest, *, programme: Programme, answers: Mapping[str, Any]) -> bool:
    """Keep the answers for the form's owner alone; False for a form that was shown to nobody."""
    owner = owner_id(request)
    if owner is None:
        # Else anybody could fill the sessions' table.
        return False
    request.session[SESSION_KEY] = {"owner": owner, "programme": programme.slug, "answers": dict(answers)}
    return True


def take(request: HttpRequest, *, programme: Programme, user: User) -> dict[str, Any] | None:
    """Give back, once, what was kept for `user`; somebody else's is dropped unread."""
    kept = request.session.get(SESSION_KEY)
    if kept is None or (kept["owner"] == user.pk and kept["programme"] != programme.slug):
        return None
    del request.session[SESSION_KEY]
    return dict(kept["answers"]) if kept["owner"] == user.pk else None
