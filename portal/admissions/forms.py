"""The form that a programme's questions make, and the answer to a reviewer's question."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import escape

from portal.admissions.applications.answering import LONG_TEXT_CHARACTERS, KeptFile, PDFField, field_for
from portal.admissions.applications.entering import country_refusal
from portal.admissions.models import Programme, Question, asked_of
from portal.admissions.teams.forms import check_team, fields_beside_questions

# A draft keeps what is too long to submit, so that nothing typed is lost, but not a whole library.
DRAFT_ANSWER_CHARACTERS = 4 * LONG_TEXT_CHARACTERS


class ApplicationForm(forms.Form):
    """One field a question, named `answer-<code>`; what is not asked after the other answers is not missed.

    `kept` are the files that were handed in before, by their question's code; corrections (not `is_first`)
    leave out what is asked beside the questions.
    """

    use_required_attribute = False

    def __init__(
        self,
        programme: Programme,
        data: Any = None,
        files: Any = None,
        *,
        answers: Mapping[str, Any] | None = None,
        kept: Mapping[str, KeptFile] | None = None,
        is_first: bool = True,
    ) -> None:
        super().__init__(data, files, prefix="answer", initial={**(answers or {}), **(kept or {})})
        self.programme = programme
        self.questions = list(programme.questions.all())
        labels = {question.code: question.label for question in self.questions}
        for question in self.questions:
            field = field_for(question)
            if question.shown_if_code:
                self._show_only_if(field, question, labels.get(question.shown_if_code, ""))
            if isinstance(field, PDFField) and not (kept or {}).get(question.code):
                # What is left of the answers of an earlier application is only the file's name.
                self.initial.pop(question.code, None)
            self.fields[question.code] = field
        if is_first:
            self.fields |= dict(fields_beside_questions(programme))

    def clean(self) -> dict[str, Any]:
        """Leave out what is not asked, and name a country that cannot apply at its question."""
        cleaned: dict[str, Any] = self.cleaned_data
        asked = asked_of(self.questions, cleaned)
        for code in {question.code for question in self.questions} - {question.code for question in asked}:
            self.errors.pop(code, None)
            cleaned.pop(code, None)
        if refused := country_refusal(self.programme, asked, cleaned):
            code, refusal = refused
            self.add_error(code, refusal.sentence)
        check_team(self)
        return cleaned

    def as_typed(self) -> dict[str, Any]:
        """What stands in the form, right or wrong, by the question's code; files are kept apart."""
        return {
            code: self._typed(code, field)
            for code, field in self.fields.items()
            if not isinstance(field, PDFField)
        }

    def uploads(self) -> dict[str, UploadedFile | None]:
        """The files that came with the form and are right, and None for what shall be removed."""
        found = {
            code: self.cleaned_data.get(code)
            for code, field in self._file_fields()
            if code in self.cleaned_data
        }
        return {
            code: upload or None
            for code, upload in found.items()
            if upload is False or isinstance(upload, UploadedFile)
        }

    def handed_in(self) -> dict[str, Any]:
        """The answers as they are kept; a file's is its name."""
        names = {
            code: getattr(self.cleaned_data[code], "name", "")
            for code, _ in self._file_fields()
            if code in self.cleaned_data
        }
        return self.cleaned_data | names

    @property
    def wrong_files(self) -> list[str]:
        """The codes of the questions whose files were not taken."""
        return [code for code, _ in self._file_fields() if code in self.errors and self[code].data]

    def show_kept(self, kept: Mapping[str, KeptFile]) -> None:
        """Show which files are kept by now, as the form is shown again."""
        for code, one in kept.items():
            self[code].initial = one

    def _file_fields(self) -> list[tuple[str, PDFField]]:
        return [(code, field) for code, field in self.fields.items() if isinstance(field, PDFField)]

    def _show_only_if(self, field: forms.Field, question: Question, label: str) -> None:
        # Read by admissions.js; without it the sentence says so.
        field.widget.attrs |= {
            "data-shown-if": self.add_prefix(question.shown_if_code),
            "data-shown-answer": question.shown_if_answer,
        }
        sentence = escape(f"Only if you answered “{question.shown_if_answer}” to “{label}”.")
        field.help_text = f"{sentence} {field.help_text}".strip()

    def _typed(self, code: str, field: forms.Field) -> Any:
        value = field.widget.value_from_datadict(self.data, self.files, self.add_prefix(code))
        if isinstance(field, forms.BooleanField):
            return bool(value)
        if isinstance(field, forms.MultipleChoiceField):
            return [_kept_text(one) for one in value]
        return _kept_text(value)


class InformationForm(forms.Form):
    """The applicant's answer to a reviewer's question."""

    message = forms.CharField(
        label="Your answer",
        max_length=LONG_TEXT_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": "Write an answer to the reviewer's question."},
    )


class MessageForm(forms.Form):
    """A message to the reviewers, in no state in particular."""

    message = forms.CharField(
        label="Your message",
        max_length=LONG_TEXT_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Write the message first."},
    )


class AppealForm(forms.Form):
    """What speaks against a decline."""

    message = forms.CharField(
        label="Why should another reviewer decide differently?",
        max_length=LONG_TEXT_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Name what was misunderstood or has changed. You can appeal once; that decision is final.",
        error_messages={"required": "Tell us what speaks against the decision."},
    )


def _kept_text(value: Any) -> str:
    # PostgreSQL cannot keep a NUL, and nobody types one.
    return str(value or "").replace("\x00", "")[:DRAFT_ANSWER_CHARACTERS]
