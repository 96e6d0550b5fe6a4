"""The forms of a release's card and of its documentation form."""

from typing import Any

from django import forms
from django.forms import BoundField

from portal.releases.cards.documentation import Filled, Form
from portal.releases.cards.fields import Field, Part
from portal.releases.cards.readme import CHARACTERS_MAX

ANSWER_CHARACTERS_MAX = 5000
# A field that asks for more than a line says so by its length.
_LONG_HINT = 40


class CardForm(forms.Form):
    """A card, and what its author began with."""

    use_required_attribute = False

    readme = forms.CharField(
        label="README.md",
        strip=False,
        max_length=CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "true", "class": "mono"}),
        help_text="Metadata between two lines of ---, then Markdown with a heading for each section.",
        error_messages={"required": "Write the card, or take over the README.md of the current revision."},
    )
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean(self) -> None:
        """What nobody sees is told of above what they do."""
        if "seen" in self.errors:
            self.add_error(None, "Copy what you wrote, open the page again and put it in anew.")


class DocumentationForm(forms.Form):
    """The fields of the documentation form that the portal does not fill itself."""

    def __init__(self, *args: Any, filled: Form, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._filled = filled
        for one in filled.filled:
            if one.source != "portal":
                self.fields[one.field.code] = _field_of(one)

    def parts(self) -> list[tuple[Part, list[tuple[Filled, BoundField | None]]]]:
        """Every field by part, with what staff edit it by; None for those of the portal."""
        return [
            (part, [(one, self._bound(one.field)) for one in filled]) for part, filled in self._filled.parts
        ]

    def answers(self) -> dict[str, str]:
        """What was entered, by the field's code: a line for each choice."""
        return {
            code: "\n".join(value) if isinstance(value, list) else value
            for code, value in self.cleaned_data.items()
        }

    def _bound(self, field: Field) -> BoundField | None:
        return self[field.code] if field.code in self.fields else None


def _field_of(one: Filled) -> forms.Field:
    field = one.field
    hint = f"{field.hint} For: {field.readers}." if field.hint else f"For: {field.readers}."
    if field.choices:
        return forms.MultipleChoiceField(
            label=field.label,
            required=False,
            choices=[(choice, choice) for choice in field.choices],
            initial=one.value.splitlines(),
            help_text=hint,
            widget=forms.CheckboxSelectMultiple,
        )
    return forms.CharField(
        label=field.label,
        required=False,
        max_length=ANSWER_CHARACTERS_MAX,
        initial=one.value,
        help_text=hint,
        widget=forms.Textarea(attrs={"rows": 3 if len(field.hint) > _LONG_HINT else 2}),
    )
