"""What staff ask of the list of keys, and the reason they give for ending one."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.keys.models import ApiKey, ApiKeyQuerySet, LeakReport

SHOWN_PREFIX = "owk_"


class State(models.TextChoices):
    """Which keys to list."""

    LIVE = "live", "That work"
    UNUSED = "unused", "That work, long unused"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"
    LEAKED = "leaked", "Reported as leaked"


class KeysForm(forms.Form):
    """The filters of the list."""

    text = forms.CharField(
        label="Owner, name or beginning",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    state = forms.ChoiceField(label="Keys", required=False, choices=[("", "All"), *State.choices])

    def found(self) -> ApiKeyQuerySet:
        """The keys that are asked for, the newest first; call it of a valid form."""
        found: ApiKeyQuerySet = ApiKey.objects.order_by("-pk").select_related("user", "service_account")
        if text := self.cleaned_data["text"]:
            found = found.filter(_named(text))
        if state := self.cleaned_data["state"]:
            found = found.filter(_in(State(state)))
        return found


class RevokeForm(forms.Form):
    """Why a key ends, for its owner to read."""

    reason = forms.CharField(
        label="Why",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The owner gets it by mail, and the ledger keeps it.",
        error_messages={"required": "Say why, so that the owner knows what to do."},
    )


def _named(text: str) -> models.Q:
    named = (
        models.Q(user__email__icontains=text)
        | models.Q(user__full_name__icontains=text)
        | models.Q(name__icontains=text)
        | models.Q(service_account__name__icontains=text)
    )
    # Whole tokens are never searched for: only what a key shows of itself.
    public_id = text.removeprefix(SHOWN_PREFIX).rstrip("…").partition("_")[0]
    return named | models.Q(public_id__startswith=public_id) if public_id else named


def _in(state: State) -> models.Q:
    now = timezone.now()
    is_over = models.Q(expires_at__lte=now)
    is_live = models.Q(revoked_at=None) & ~is_over
    long_ago = now - timedelta(days=settings.KEY_UNUSED_DAYS)
    conditions: dict[str, Any] = {
        State.LIVE: is_live,
        State.UNUSED: is_live
        & (models.Q(last_used_at__lt=long_ago) | models.Q(last_used_at=None, created_at__lt=long_ago)),
        State.EXPIRED: models.Q(revoked_at=None) & is_over,
        State.REVOKED: models.Q(revoked_at__isnull=False),
        State.LEAKED: models.Exists(LeakReport.objects.filter(key=models.OuterRef("pk"))),
    }
    found: models.Q = models.Q(conditions[state])
    return found
