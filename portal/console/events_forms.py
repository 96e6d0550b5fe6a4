"""The form of an event; its times are read on the clocks of the place."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.utils.text import slugify

from portal.events.models import Event
from portal.releases.models import Release

LOCAL_FORMAT = "%Y-%m-%dT%H:%M"
# Names like `posixrules` and `Etc/GMT+3` are in the database too, and mislead.
ZONES = [
    *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")),
    "UTC",
]


class LocalDateTimeField(forms.DateTimeField):
    """A date and time without a zone, as `<input type="datetime-local">` sends it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL_FORMAT)

    def to_python(self, value: Any) -> Any:
        """The naive datetime."""
        read = super().to_python(value)
        return read.replace(tzinfo=None) if read else read


class EventForm(forms.ModelForm):
    """Everything about an event that staff write."""

    starts_at = LocalDateTimeField(label="Starts", help_text="On the clocks of the place.")
    ends_at = LocalDateTimeField(label="Ends")
    time_zone = forms.ChoiceField(label="Time zone of the place", choices=[(zone, zone) for zone in ZONES])
    online_url = forms.URLField(
        label="Online address", required=False, assume_scheme="https", help_text="Shown to those registered."
    )
    capacity = forms.IntegerField(label="Seats", min_value=1, max_value=100_000)
    prototypes = forms.ModelMultipleChoiceField(
        label="Prototypes on show",
        queryset=Release.objects.filter(is_event_prototype=True),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Those registered can use them in the playground while the event lasts.",
    )

    class Meta:
        model = Event
        fields = [
            "title",
            "slug",
            "summary",
            "description",
            "starts_at",
            "ends_at",
            "time_zone",
            "place",
            "online_url",
            "capacity",
            "prototypes",
        ]
        widgets = {"description": forms.Textarea(attrs={"rows": 6})}
        labels = {"slug": "Address"}
        help_texts = {"slug": "The last part of the page's address; empty to take the title's."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].required = False
        event = self.instance
        if event.pk:
            self.initial["starts_at"] = event.starts_there
            self.initial["ends_at"] = event.ends_there

    def clean(self) -> dict[str, Any]:
        """Put the times into the place's zone, and the address into its shape."""
        cleaned = super().clean() or self.cleaned_data
        zone = ZoneInfo(cleaned.get("time_zone") or "UTC")
        for name in ("starts_at", "ends_at"):
            if local := cleaned.get(name):
                cleaned[name] = self._in_zone(name, local, zone)
        if {"starts_at", "ends_at"} <= cleaned.keys() and cleaned["starts_at"] >= cleaned["ends_at"]:
            self.add_error("ends_at", "The event must end after it starts.")
        cleaned["slug"] = cleaned.get("slug") or slugify(cleaned.get("title", ""))[:50]
        self._check_slug(cleaned["slug"])
        return cleaned

    def facts(self) -> dict[str, Any]:
        """The cleaned fields as `portal.events.actions` takes them."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}

    def _in_zone(self, name: str, local: datetime, zone: ZoneInfo) -> datetime:
        moment = local.replace(tzinfo=zone)
        if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
            self.add_error(name, f"There is no such time in {zone.key}: the clocks jump over it that night.")
        return moment

    def _check_slug(self, slug: str) -> None:
        if not slug:
            self.add_error("slug", "Write an address of letters, digits and hyphens.")
        elif Event.objects.filter(slug=slug).exclude(pk=self.instance.pk).exists():
            self.add_error("slug", "Another event has this address. Choose another one.")

    def _post_clean(self) -> None:
        """Leave the instance alone: only `portal.events.actions` writes an event."""
