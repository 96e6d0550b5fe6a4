"""The form that asks for a key."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core import signing
from django.utils import timezone

from portal.accounts.models import User
from portal.keys import tokens
from portal.keys.models import DEVELOPER_SCOPES, REVIEW_PERMISSION, Scope

LIFETIMES_DAYS = ("", "30", "90", "365")
SLIP = signing.Signer(salt="portal.keys.form")


class KeyForm(forms.Form):
    """A name, scopes and a lifetime; and a signed slip with the public id that the key will have.

    The id is set aside when the form is shown, so that a form sent twice, by a double
    click or a reloaded page, makes one key.
    """

    name = forms.CharField(
        max_length=80,
        help_text="Where it will be used, such as “laptop” or “nightly evaluation”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-1p-ignore": True}),
        error_messages={"required": "Give the key a name, so that you will know later what to revoke."},
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=Scope,
        initial=list(DEVELOPER_SCOPES),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing that the key may do."},
    )
    lifetime_days = forms.TypedChoiceField(
        label="Works for",
        required=False,
        coerce=int,
        empty_value=None,
        choices=[(days, f"{days} days" if days else "Until you revoke it") for days in LIFETIMES_DAYS],
    )
    slip = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        kwargs.setdefault("initial", {})["slip"] = SLIP.sign(f"{user.pk}:{tokens.new_public_id()}")
        super().__init__(*args, **kwargs)
        may_review = user.has_perm(REVIEW_PERMISSION)
        offered = [*DEVELOPER_SCOPES, Scope.REVIEW] if may_review else DEVELOPER_SCOPES
        self.fields["scopes"].choices = [(scope.value, scope.label) for scope in offered]  # type: ignore[attr-defined]

    def clean_slip(self) -> str:
        """The public id on the slip, if it was made out to this user."""
        try:
            owner, _, public_id = SLIP.unsign(self.cleaned_data["slip"]).partition(":")
        except signing.BadSignature:
            owner, public_id = "", ""
        if owner != str(self.user.pk):
            raise forms.ValidationError("This form is not yours or was changed on its way. Open it again.")
        return public_id

    def expires_at(self) -> datetime | None:
        """When the key asked for will end, counted from now; None for never."""
        days = self.cleaned_data["lifetime_days"]
        return timezone.now() + timedelta(days=days) if days else None


class ChangeForm(forms.Form):
    """What a person may change of a key: how they call it, and what they want to remember of it."""

    name = forms.CharField(
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-1p-ignore": True}),
        error_messages={"required": "Give the key a name, so that you will know later what to revoke."},
    )
    note = forms.CharField(
        max_length=300,
        required=False,
        help_text="Where it lies, who else knows of it: for yourself.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class RotateForm(forms.Form):
    """How long the key that is rotated goes on beside the new one."""

    overlap_hours = forms.TypedChoiceField(
        label="The old key goes on for",
        coerce=int,
        choices=[(0, "no time: it ends now"), (1, "an hour"), (24, "a day"), (168, "a week")],
        initial=24,
    )

    def overlap(self) -> timedelta:
        """How long that is."""
        return timedelta(hours=self.cleaned_data["overlap_hours"])
