"""The forms that ask for a key and change one."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core import signing
from django.db.models import Q
from django.utils import timezone

from portal.access.deciding import releases_allowed
from portal.access.decision import Action
from portal.accounts.models import User
from portal.accounts.roles import REVIEW
from portal.keys import tokens
from portal.keys.models import DEVELOPER_SCOPES, OFFERED_SCOPES, ApiKey, Scope
from portal.keys.restrictions import NETWORKS_MAX, network_named
from portal.releases.models import Release

LIFETIMES_DAYS = ("", "30", "90", "365")
SLIP = signing.Signer(salt="portal.keys.form")


class LimitsForm(forms.Form):
    """What a key is limited to, which its owner may change at any time; `user` owns it."""

    note = forms.CharField(
        max_length=300,
        required=False,
        help_text="Where it lies, who else knows of it: for yourself.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    releases = forms.ModelMultipleChoiceField(
        label="Only for these models",
        queryset=Release.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Choose none for every model that is open to you, now and later.",
    )
    networks = forms.CharField(
        label="Only from these networks",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "off"}),
        help_text="One a line, such as 203.0.113.0/24, 2001:db8::/32 or a single address. "
        "Leave it empty for anywhere.",
    )

    def __init__(self, *args: Any, user: User, key: ApiKey | None = None, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        # What a key was limited to before stays to be seen and kept, though it be open no more.
        chosen = key.releases.values("pk") if key is not None else Release.objects.none().values("pk")
        mine = Q(pk__in=releases_allowed(user, Action.INFERENCE).values("pk")) | Q(pk__in=chosen)
        self.fields["releases"].queryset = Release.objects.filter(mine).order_by("name")  # type: ignore[attr-defined]
        if not self.fields["releases"].queryset.exists():  # type: ignore[attr-defined]
            del self.fields["releases"]

    def clean_networks(self) -> list[str]:
        """The networks, each once, as they are compared."""
        networks: list[str] = []
        for line in self.cleaned_data["networks"].replace(",", "\n").split():
            try:
                networks.append(network_named(line))
            except ValueError:
                raise forms.ValidationError(
                    "“%(line)s” is no network. Write an address such as 203.0.113.7, or a range such as "
                    "203.0.113.0/24.",
                    params={"line": line[:50]},
                ) from None
        if len(networks) > NETWORKS_MAX:
            raise forms.ValidationError(f"A key can have {NETWORKS_MAX} networks. Take wider ranges.")
        return sorted(set(networks), key=networks.index)

    def limits(self) -> dict[str, Any]:
        """The note and the limits, as the actions take them."""
        facts = self.cleaned_data
        return {
            "note": facts["note"],
            "networks": facts["networks"],
            "releases": list(facts.get("releases") or []) or None,
        }


class KeyForm(LimitsForm):
    """A name, scopes, a lifetime and limits; and a signed slip with the public id that the key will have.

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

    field_order = ("name", "scopes", "lifetime_days", "note", "releases", "networks")

    def __init__(self, *args: Any, user: User, maker: User | None = None, **kwargs: Any) -> None:
        """A form for a key of `user`'s; `maker` is who asks for it, where that is another."""
        self.maker = maker or user
        kwargs.setdefault("initial", {})["slip"] = SLIP.sign(f"{self.maker.pk}:{tokens.new_public_id()}")
        super().__init__(*args, user=user, **kwargs)
        may_review = user.has_perm(REVIEW)
        offered = [*OFFERED_SCOPES, Scope.REVIEW] if may_review else OFFERED_SCOPES
        self.fields["scopes"].choices = [(scope.value, scope.label) for scope in offered]  # type: ignore[attr-defined]

    def clean_slip(self) -> str:
        """The public id on the slip, if it was made out to this user."""
        try:
            owner, _, public_id = SLIP.unsign(self.cleaned_data["slip"]).partition(":")
        except signing.BadSignature:
            owner, public_id = "", ""
        if owner != str(self.maker.pk):
            raise forms.ValidationError("This form is not yours or was changed on its way. Open it again.")
        return public_id

    def expires_at(self) -> datetime | None:
        """When the key asked for will end, counted from now; None for never."""
        days = self.cleaned_data["lifetime_days"]
        return timezone.now() + timedelta(days=days) if days else None


class ChangeForm(LimitsForm):
    """What a person may change of a key: how they call it, what they want to remember of it, its limits."""

    name = forms.CharField(
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-1p-ignore": True}),
        error_messages={"required": "Give the key a name, so that you will know later what to revoke."},
    )
    field_order = ("name", "note", "releases", "networks")

    def __init__(self, *args: Any, key: ApiKey, **kwargs: Any) -> None:
        self.key = key
        kwargs["initial"] = {
            "name": key.name,
            "note": key.note,
            "releases": list(key.releases.all()),
            "networks": "\n".join(key.networks),
        }
        super().__init__(*args, key=key, **kwargs)

    @property
    def has_lost_its_models(self) -> bool:
        """Whether the key is limited to models none of which there is any more, and so opens none."""
        return self.key.is_limited_to_releases and not self.initial["releases"]

    def limits(self) -> dict[str, Any]:
        """As of a new key; but one that has lost its models is not opened to all by a change of its name."""
        limits = super().limits()
        if self.has_lost_its_models and limits["releases"] is None:
            limits["releases"] = []
        return limits


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
