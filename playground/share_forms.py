"""Sharing: who may read, for how long, and under which title."""

from typing import Any

from django import forms

from playground.models import TITLE_CHARACTERS, Audience
from playground.sharing import EXPIRIES

EXPIRY_CHOICES = (
    ("day", "A day"),
    ("week", "A week"),
    ("month", "30 days"),
    ("never", "Until I revoke it"),
)


class ShareForm(forms.Form):
    """What the person chooses for a link."""

    title = forms.CharField(label="Title", max_length=TITLE_CHARACTERS, help_text="Readers see it.")
    audience = forms.ChoiceField(label="Who may read it", choices=Audience.choices, widget=forms.RadioSelect)
    expiry = forms.ChoiceField(label="For how long", choices=EXPIRY_CHOICES, help_text="From now on.")

    def facts(self) -> dict[str, Any]:
        """What the valid form chooses, as the actions take it."""
        return {
            "title": self.cleaned_data["title"],
            "audience": self.cleaned_data["audience"],
            "lasts": EXPIRIES[self.cleaned_data["expiry"]],
        }
