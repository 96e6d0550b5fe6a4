"""What the staff's page of usage is asked: the days, a release, a person."""

from typing import Any

from django import forms

from portal.accounts.models import User
from portal.keys.models import DailyReleaseUsage, DailyUsage
from portal.keys.models.usage import DailyUsageQuerySet
from portal.keys.usage_forms import PeriodForm
from portal.releases.models import Release


class EverybodysUsageForm(PeriodForm):
    """The filters of everybody's usage. One query for the choices, and one for a person."""

    release = forms.ChoiceField(label="Model", required=False)
    person = forms.EmailField(
        label="Person",
        required=False,
        widget=forms.EmailInput(attrs={"placeholder": "E-mail address"}),
        error_messages={"invalid": "That is not an e-mail address."},
    )

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__(given)
        releases = Release.objects.order_by("name").values_list("slug", "name")
        self.choosable("release").choices = [("", "All models"), *releases]

    def clean_person(self) -> User | None:
        """Who is meant."""
        email = self.cleaned_data["person"]
        if not email:
            return None
        found = User.objects.filter(email__iexact=email).first()
        if found is None:
            raise forms.ValidationError("Nobody has an account with this address.")
        return found

    @property
    def is_filtered(self) -> bool:
        """Whether less than everything is asked for."""
        return bool(self.cleaned_data["release"] or self.cleaned_data["person"])

    def usage(self) -> DailyUsageQuerySet:
        """What to add up, of any day: sums by release, and a person's by key. Call it of a valid form."""
        if self.cleaned_data["person"] is not None:
            return self.usage_by_key()
        return self._of_release(DailyReleaseUsage.objects.all())

    def usage_by_key(self) -> DailyUsageQuerySet:
        """The same, key by key, of the keys that there still are."""
        found: DailyUsageQuerySet = DailyUsage.objects.all()
        if self.cleaned_data["person"] is not None:
            found = found.filter(key__user=self.cleaned_data["person"])
        return self._of_release(found)

    def _of_release(self, found: DailyUsageQuerySet) -> DailyUsageQuerySet:
        slug = self.cleaned_data["release"]
        return found.filter(release__slug=slug) if slug else found
