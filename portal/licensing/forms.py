"""The forms of licences: agreeing, and writing a draft."""

from typing import Any

from django import forms

from portal.licensing.actions.drafting import TAKEN_SLUGS
from portal.licensing.conditions import SUMMARY_FIELDS, TERM_FIELDS
from portal.licensing.models import NUMBER, Licence, LicenceVersion, Reacceptance

SENTENCE_CHARACTERS_MAX = 300


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
        if slug in TAKEN_SLUGS:
            raise forms.ValidationError(f"“{slug}” is the address of another page. Choose another.")
        if Licence.objects.filter(slug=slug).exists():
            raise forms.ValidationError(f"There is a licence at /licences/{slug}/ already. Choose another.")
        return slug


class DraftForm(forms.ModelForm):
    """A version's text, conditions and who must accept again; `draft_version` stores them, not this form."""

    use_limits = forms.CharField(
        label="Uses that are not allowed",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One sentence a line, such as “Biometric identification of people in public.”",
    )

    class Meta:
        model = LicenceVersion
        fields = ("number", "text", *TERM_FIELDS)
        widgets = {
            "text": forms.Textarea(attrs={"rows": 24, "spellcheck": "true"}),
            "changes": forms.Textarea(attrs={"rows": 3}),
            "reacceptance": forms.RadioSelect,
        }

    def __init__(self, *args: Any, licence: Licence, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.licence = licence
        self.fields["number"].validators.append(NUMBER)
        self.fields["reacceptance"].choices = Reacceptance.choices  # type: ignore[attr-defined]
        named = self.fields["reacceptance_before"]
        named.queryset = licence.versions.published().select_related("licence")  # type: ignore[attr-defined]
        named.label_from_instance = lambda one: f"Version {one.number}"  # type: ignore[attr-defined]
        named.empty_label = "Choose one"  # type: ignore[attr-defined]
        self.initial["use_limits"] = "\n".join(self.initial.get("use_limits") or [])
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

    def clean_use_limits(self) -> list[str]:
        """The sentences, without empty lines."""
        lines = [line.strip() for line in self.cleaned_data["use_limits"].splitlines()]
        sentences = [line for line in lines if line]
        if any(len(sentence) > SENTENCE_CHARACTERS_MAX for sentence in sentences):
            raise forms.ValidationError(
                f"One sentence is too long. Write at most {SENTENCE_CHARACTERS_MAX} characters a line."
            )
        return sentences

    def clean(self) -> dict[str, Any]:
        """All of it, if a version is named where one is needed."""
        kept: dict[str, Any] = super().clean() or self.cleaned_data
        if kept.get("reacceptance") != Reacceptance.BEFORE:
            kept["reacceptance_before"] = None
        elif not kept.get("reacceptance_before") and "reacceptance_before" not in self.errors:
            self.add_error(
                "reacceptance_before", "Choose the version from which on an acceptance still counts."
            )
        return kept

    def summary_rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The summary's fields, each beside its note."""
        names = SUMMARY_FIELDS[::2]
        return [(self[name], self[f"{name}_note"]) for name in names]

    def drafted(self) -> dict[str, Any]:
        """What `draft_version` takes, but the licence."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}
