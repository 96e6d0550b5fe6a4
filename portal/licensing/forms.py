"""The forms of licences: agreeing, and writing a draft."""

from typing import Any

from django import forms

from portal.licensing.actions import SUMMARY_FIELDS
from portal.licensing.models import NUMBER, Licence, LicenceVersion


class AgreementForm(forms.Form):
    """An unticked box, beside the hash of the very text that is shown."""

    sha256 = forms.CharField(widget=forms.HiddenInput, max_length=64)
    agree = forms.BooleanField(
        label="I have read this licence and agree to it.",
        error_messages={"required": "Tick the box to say that you agree; without it nothing is recorded."},
    )


class LicenceForm(forms.Form):
    """A new licence's name and address."""

    name = forms.CharField(max_length=120, help_text="Without a version, such as “Open Weights Licence”.")
    slug = forms.SlugField(label="Address", help_text="The last part of its address, such as open-weights.")

    def clean_slug(self) -> str:
        """The slug, if no licence has it."""
        slug: str = self.cleaned_data["slug"]
        if slug == "new":
            raise forms.ValidationError("“new” is the address of this form. Choose another.")
        if Licence.objects.filter(slug=slug).exists():
            raise forms.ValidationError(f"There is a licence at /licences/{slug}/ already. Choose another.")
        return slug


class DraftForm(forms.ModelForm):
    """A version's text and summary; `draft_version` stores them, not this form."""

    class Meta:
        model = LicenceVersion
        fields = ("number", "text", "changes", *SUMMARY_FIELDS)
        widgets = {
            "text": forms.Textarea(attrs={"rows": 24, "spellcheck": "true"}),
            "changes": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, licence: Licence, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.licence = licence
        self.fields["number"].validators.append(NUMBER)
        if self.instance.pk:
            # Another number would be another draft.
            self.fields["number"].disabled = True

    def clean_number(self) -> str:
        """The number, if no published version has it."""
        number: str = self.cleaned_data["number"]
        taken = self.licence.versions.filter(number=number).exclude(pk=self.instance.pk)
        if taken.exists():
            raise forms.ValidationError(f"There is a version {number} already. Choose another number.")
        return number

    def summary_rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The summary's fields, each beside its note."""
        names = SUMMARY_FIELDS[::2]
        return [(self[name], self[f"{name}_note"]) for name in names]

    def drafted(self) -> dict[str, Any]:
        """What `draft_version` takes, but the licence."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}
