"""What ends with a session, and what reports hear of evaluations."""

from typing import Any

from allauth.account import signals
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.http import HttpRequest

from playground import retention, stopping
from playground.evaluations.models import EvaluationRun
from playground.evaluations.signals import concluded
from portal.accounts.models import User


@receiver(user_logged_out)
def on_signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    """Somebody signed out of this browser."""
    stopping.stop_session(request.session.session_key)
    if isinstance(user, User):
        retention.end_unkept(user)


@receiver(post_delete, sender=UserSession)
def on_session_ended(instance: UserSession, **_: Any) -> None:
    """A session was ended from another browser."""
    stopping.stop_session(instance.session_key)


@receiver([signals.password_changed, signals.password_reset])
def on_password_changed(user: User, **_: Any) -> None:
    """A new password ends every session but the one that set it."""
    stopping.stop_person(user)


@receiver(concluded, sender=EvaluationRun)
def on_evaluated(run: EvaluationRun, **_: Any) -> None:
    """A run has its result; one of regression cases tells who reported them, and the safety gate."""
    from playground.reporting import running  # noqa: PLC0415 - loads YAML and jsonschema

    running.take(run)
