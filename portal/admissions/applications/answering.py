"""The form field of each kind of question, and what its answer must be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.files.base import File
from django.core.validators import URLValidator
from django.utils.html import escape

from portal.admissions import countries
from portal.admissions.models import Question, QuestionKind

SHORT_TEXT_CHARACTERS = 200
LONG_TEXT_CHARACTERS = 5_000
NUMBER_DIGITS = 18
# More choices than this are easier to find in a list that opens.
RADIO_CHOICES_AT_MOST = 6
WEB_ADDRESS = "Write the address of a page, such as https://example.org."
PDF_BYTES_MAX = 5 * 1024 * 1024
# Where readers look for a PDF's header and for its end (ISO 32000, annex H of PDF Reference 1.7).
PDF_LOOKED_THROUGH_BYTES = 1024


@dataclass(frozen=True)
class KeptFile:
    """A file that was handed in before, as the field shows it."""

    name: str
    url: str

    def __str__(self) -> str:
        return self.name


class NumberField(forms.DecimalField):
    """A number, kept as it reads."""

    def clean(self, value: Any) -> Any:
        """The number in digits, "" for none."""
        number = super().clean(value)
        return "" if number is None else format(number, "f")


class PDFField(forms.FileField):
    """A PDF of at most PDF_BYTES_MAX, told by its content: names and types are whatever a browser says."""

    def to_python(self, data: Any) -> Any:
        """The upload. Raises ValidationError for one that is too large or no PDF."""
        upload = super().to_python(data)
        if upload is None:
            return None
        if upload.size > PDF_BYTES_MAX:
            megabytes = upload.size / 1024 / 1024
            raise forms.ValidationError(
                f"“{upload.name}” has {megabytes:.1f} MB, and 5 MB is the most. "
                "Make it smaller, then choose it again."
            )
        if not is_pdf(upload):
            raise forms.ValidationError(f"“{upload.name}” is no PDF. Export it as PDF, then choose it again.")
        return upload


def is_pdf(upload: File) -> bool:
    """Whether the content has a PDF's header and end."""
    upload.seek(0)
    head = upload.read(PDF_LOOKED_THROUGH_BYTES)
    upload.seek(max(0, (upload.size or 0) - PDF_LOOKED_THROUGH_BYTES))
    tail = upload.read()
    upload.seek(0)
    return b"%PDF-" in head and b"%%EOF" in tail


def field_for(question: Question) -> forms.Field:
    """The field that takes an answer to `question`."""
    return _FIELDS[QuestionKind(question.kind)](question)


def _common(question: Question, required: str) -> dict[str, Any]:
    return {
        "label": question.label,
        # Field templates print help as it is, since Django's own may hold markup.
        "help_text": escape(question.help_text),
        "required": question.is_required,
        "error_messages": {"required": required},
    }


def _short_text(question: Question) -> forms.Field:
    return forms.CharField(max_length=SHORT_TEXT_CHARACTERS, **_common(question, "Write a short answer."))


def _long_text(question: Question) -> forms.Field:
    widget = forms.Textarea(attrs={"rows": 5})
    return forms.CharField(
        max_length=LONG_TEXT_CHARACTERS, widget=widget, **_common(question, "Write a few sentences.")
    )


def _choice(question: Question) -> forms.Field:
    labels: Sequence[str] = question.choices
    choices = [(label, label) for label in labels]
    if len(choices) > RADIO_CHOICES_AT_MOST:
        return forms.ChoiceField(
            choices=[("", "Choose one"), *choices], **_common(question, "Choose one of these.")
        )
    return forms.ChoiceField(
        choices=choices, widget=forms.RadioSelect, **_common(question, "Choose one of these.")
    )


def _choices(question: Question) -> forms.Field:
    return forms.MultipleChoiceField(
        choices=[(label, label) for label in question.choices],
        widget=forms.CheckboxSelectMultiple,
        **_common(question, "Choose at least one of these."),
    )


def _number(question: Question) -> forms.Field:
    common = _common(question, "Write a number.")
    common["error_messages"]["invalid"] = "Write a number, such as 250 or 2.5."
    return NumberField(max_digits=NUMBER_DIGITS, **common)


def _url(question: Question) -> forms.Field:
    common = _common(question, WEB_ADDRESS)
    common["error_messages"]["invalid"] = WEB_ADDRESS
    field = forms.URLField(max_length=SHORT_TEXT_CHARACTERS, assume_scheme="https", **common)
    others = [one for one in field.validators if not isinstance(one, URLValidator)]
    field.validators = [*others, URLValidator(schemes=["http", "https"])]
    return field


def _file(question: Question) -> forms.Field:
    common = _common(question, "Choose a PDF.")
    common["help_text"] = f"{common['help_text']} A PDF of at most 5 MB.".strip()
    widget = forms.ClearableFileInput(attrs={"accept": "application/pdf,.pdf"})
    widget.initial_text, widget.clear_checkbox_label = "Kept", "Remove it"
    return PDFField(widget=widget, max_length=SHORT_TEXT_CHARACTERS, **common)


def _country(question: Question) -> forms.Field:
    return forms.ChoiceField(
        choices=[("", "Choose a country"), *countries.NAMES.items()],
        widget=forms.Select(attrs={"autocomplete": "country"}),
        **_common(question, "Choose a country."),
    )


def _consent(question: Question) -> forms.Field:
    common = _common(question, "You can apply only if you agree to this.")
    if question.programme.use_policy and not question.help_text:
        # On a phone the policy stands below the form.
        common["help_text"] = '<a href="#use-policy">Read the use policy</a>'
    return forms.BooleanField(**common)


_FIELDS: dict[QuestionKind, Callable[[Question], forms.Field]] = {
    QuestionKind.SHORT_TEXT: _short_text,
    QuestionKind.LONG_TEXT: _long_text,
    QuestionKind.CHOICE: _choice,
    QuestionKind.CHOICES: _choices,
    QuestionKind.NUMBER: _number,
    QuestionKind.URL: _url,
    QuestionKind.COUNTRY: _country,
    QuestionKind.FILE: _file,
    QuestionKind.CONSENT: _consent,
}
