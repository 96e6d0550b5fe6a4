"""What a page of usage is asked: the days, a release, a key."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from portal.accounts.models import User
from portal.keys.models import ApiKey, DailyUsage
from portal.keys.models.usage import DailyUsageQuerySet
from portal.keys.reports import PERIODS
from portal.releases.models import Release

PERIOD_CHOICES = [(str(days), f"{days} days") for days in PERIODS]
DEFAULT_DAYS = 30
# More would be no list to choose from; those that work come first.
KEYS_MAX = 200


class PeriodForm(forms.Form):
    """The days that a page of usage covers."""

    days = forms.ChoiceField(label="Period", choices=PERIOD_CHOICES, required=False)

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__({"days": str(DEFAULT_DAYS), **given})

    def choosable(self, name: str) -> forms.ChoiceField:
        """A field whose choices are known only now."""
        found = self.fields[name]
        assert isinstance(found, forms.ChoiceField)
        return found

    def period(self) -> tuple[date, date]:
        """The first and the last day, today (UTC); call it of a valid form."""
        until = timezone.now().date()
        days = int(self.cleaned_data["days"] or DEFAULT_DAYS)
        return until - timedelta(days=days - 1), until


class UsageForm(PeriodForm):
    """The filters of a person's own usage. Two queries for the choices."""

    release = forms.ChoiceField(label="Model", required=False)
    key = forms.ChoiceField(label="Key", required=False)

    def __init__(self, given: dict[str, Any], *, user: User) -> None:
        super().__init__(given)
        self._user = user
        self.keys = list(ApiKey.objects.visible_to(user)[:KEYS_MAX])
        used = DailyUsage.objects.visible_to(user).values("release")
        releases = Release.objects.filter(pk__in=used).order_by("name").values_list("slug", "name")
        self.choosable("release").choices = [("", "All models"), *releases]
        labels = [(key.public_id, f"{key.name} ({key.prefix})") for key in self.keys]
        self.choosable("key").choices = [("", "All keys"), *labels]

    @property
    def is_filtered(self) -> bool:
        """Whether less than everything is asked for."""
        return bool(self.cleaned_data["release"] or self.cleaned_data["key"])

    def usage(self) -> DailyUsageQuerySet:
        """The usage that is asked for, of any day; call it of a valid form."""
        found: DailyUsageQuerySet = DailyUsage.objects.visible_to(self._user)
        if slug := self.cleaned_data["release"]:
            found = found.filter(release__slug=slug)
        if public_id := self.cleaned_data["key"]:
            found = found.filter(key__public_id=public_id)
        return found
