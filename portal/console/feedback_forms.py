"""What the page of feedback shows; everything may be left open."""

from typing import Any

from django import forms

from playground.judging import Question
from playground.models.feedback import TAGS
from portal.releases.models import Release


class FeedbackFilterForm(forms.Form):
    """The filters. One query for the choices."""

    release = forms.ModelChoiceField(
        Release.objects.order_by("name"), to_field_name="slug", required=False, empty_label="Any"
    )
    revision = forms.RegexField(
        r"^[0-9a-f]{1,40}\Z",
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "Commit", "spellcheck": "false"}),
        error_messages={"invalid": "Write the first digits of a commit id, such as 3f2a9c."},
    )
    tag = forms.ChoiceField(choices=[("", "Any"), *TAGS], required=False)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def question(self) -> Question:
        """What is asked; call it of a valid form."""
        return Question(**self.cleaned_data)

    def asked(self) -> dict[str, Any]:
        """The same for the ledger, without what was left open."""
        given = {name: value for name, value in self.cleaned_data.items() if value}
        return {name: str(getattr(value, "slug", value)) for name, value in given.items()}
