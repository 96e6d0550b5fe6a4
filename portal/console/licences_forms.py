"""The form that publishes a version of a licence, at once or on a day."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from portal.licensing.conditions import terms_sha256
from portal.licensing.models import LicenceVersion

LOCAL_FORMAT = "%Y-%m-%dT%H:%M"
NOW, ON_A_DAY = "now", "day"


class PublishForm(forms.Form):
    """When, beside the hashes of the very draft that is shown."""

    use_required_attribute = False

    sha256 = forms.CharField(widget=forms.HiddenInput, max_length=64)
    terms = forms.CharField(widget=forms.HiddenInput, max_length=64)
    when = forms.ChoiceField(
        label="When it comes into force",
        choices=[(NOW, "At once"), (ON_A_DAY, "At the time below")],
        initial=NOW,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whether it comes into force at once or at a time."},
    )
    at = forms.DateTimeField(
        label="Time (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL_FORMAT),
        help_text="Text and conditions are fixed from now on. Until then you can take it off its day again.",
        error_messages={"invalid": "Write a date and a time, such as 2026-12-24 09:00."},
    )

    def __init__(self, *args: Any, version: LicenceVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sha256"].initial = version.sha256
        self.fields["terms"].initial = terms_sha256(version)
        tomorrow = timezone.now() + timedelta(days=1)
        self.fields["at"].initial = tomorrow.replace(hour=9, minute=0, second=0, microsecond=0)

    def clean(self) -> dict[str, Any]:
        """All of it, if there is a time where one is needed."""
        kept: dict[str, Any] = super().clean() or self.cleaned_data
        if kept.get("when") == ON_A_DAY and not kept.get("at") and "at" not in self.errors:
            self.add_error("at", "Choose when it comes into force, or publish it at once.")
        return kept

    def published_at(self) -> datetime | None:
        """The time that was chosen; None for at once. Call it on a valid form."""
        return self.cleaned_data["at"] if self.cleaned_data["when"] == ON_A_DAY else None
