"""The form that a programme's questions make, and the answer to a reviewer's question."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.html import escape

from portal.admissions import countries
from portal.admissions.models import Programme, Question, QuestionKind

SHORT_TEXT_CHARACTERS = 200
LONG_TEXT_CHARACTERS = 5_000
# A draft keeps what is too long to submit, so that nothing typed is lost, but not a whole library.
DRAFT_ANSWER_CHARACTERS = 4 * LONG_TEXT_CHARACTERS
# More choices than this are easier to find in a list that opens.
RADIO_CHOICES_AT_MOST = 6


class ApplicationForm(forms.Form):
    """One field a question, named `answer-<code>`."""

    use_required_attribute = False

    def __init__(
        self, programme: Programme, data: Any = None, *, answers: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, prefix="answer", initial=dict(answers or {}))
        for question in programme.questions.all():
            self.fields[question.code] = _FIELDS[QuestionKind(question.kind)](question)

    def as_typed(self) -> dict[str, Any]:
        """What stands in the form, right or wrong, by the question's code."""
        return {code: self._typed(code, field) for code, field in self.fields.items()}

    def _typed(self, code: str, field: forms.Field) -> Any:
        value = field.widget.value_from_datadict(self.data, self.files, self.add_prefix(code))
        if isinstance(field, forms.BooleanField):
            return bool(value)
        # PostgreSQL cannot keep a NUL, and nobody types one.
        return str(value or "").replace("\x00", "")[:DRAFT_ANSWER_CHARACTERS]


class InformationForm(forms.Form):
    """The applicant's answer to a reviewer's question."""

    message = forms.CharField(
        label="Your answer",
        max_length=LONG_TEXT_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": "Write an answer to the reviewer's question."},
    )


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
    QuestionKind.COUNTRY: _country,
    QuestionKind.CONSENT: _consent,
}
