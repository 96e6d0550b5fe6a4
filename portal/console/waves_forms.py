"""The form of a wave."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from portal.admissions.choosing import Policy
from portal.admissions.models import Programme, WaveOrder
from portal.admissions.models.waves import SIZE_MAX

LOCAL_FORMAT = "%Y-%m-%dT%H:%M"


class WaveForm(forms.Form):
    """From whom, how many, in which order, and when."""

    use_required_attribute = False

    programme = forms.ModelChoiceField(
        Programme.objects.order_by("name"),
        empty_label="Choose one",
        error_messages={"required": "Choose the programme whose waiting list it is."},
    )
    name = forms.CharField(
        max_length=120,
        help_text="Such as “First wave”. Candidates read it, too.",
        error_messages={"required": "Give it a name by which candidates know it."},
    )
    size = forms.IntegerField(
        label="People at most",
        min_value=1,
        max_value=SIZE_MAX,
        help_text=f"From the waiting list; {SIZE_MAX:,} in one wave at most.",
        error_messages={"required": "Write how many people may be in."},
    )
    order = forms.ChoiceField(
        label="Order",
        choices=WaveOrder.choices,
        initial=WaveOrder.SCORE,
        widget=forms.RadioSelect,
        help_text="Among those who are level a lot decides. Who has no score comes last.",
    )
    country_percent_max = forms.IntegerField(
        label="From one country at most, in per cent",
        required=False,
        min_value=1,
        max_value=100,
        help_text="Of the people at most, rounded down. Leave it empty for no limit.",
    )
    scheduled_at = forms.DateTimeField(
        label="Release at (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL_FORMAT),
        help_text="Chosen from those who wait at that time.",
        error_messages={
            "required": "Choose when it is released.",
            "invalid": "Write a date and a time, such as 2026-12-24 09:00.",
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tomorrow = timezone.now() + timedelta(days=1)
        self.fields["scheduled_at"].initial = tomorrow.replace(minute=0, second=0, microsecond=0)
        programmes = list(self.fields["programme"].queryset[:2])  # type: ignore[attr-defined]
        if len(programmes) == 1:
            self.fields["programme"].initial = programmes[0]

    def policy(self) -> Policy:
        """What the choice goes by. Call it on a valid form."""
        kept = self.cleaned_data
        return Policy(kept["size"], kept["order"], kept["country_percent_max"])
