"""The terms of a programme, and one of its questions, as staff write them."""

from typing import Any

from django import forms

from portal.admissions import countries
from portal.admissions.models import LISTED, Programme, Question, QuestionKind
from portal.releases.models import Release

CHOICES_MIN = 2
CHOICE_CHARACTERS = 200
_LOCAL = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
_TEXTS = ("description", "use_policy")


class ProgrammeForm(forms.ModelForm):
    """The terms; `portal.admissions.programmes.actions` saves them."""

    use_required_attribute = False

    countries_refused = forms.MultipleChoiceField(
        label="Countries that cannot apply",
        required=False,
        choices=list(countries.NAMES.items()),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "choices-scroll"}),
        help_text="As answered to a question for the country. Applicants read this list before they begin.",
    )
    releases = forms.ModelMultipleChoiceField(
        label="Releases that an approval opens",
        required=False,
        queryset=Release.objects.order_by("name"),
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Programme
        fields = (
            *("name", "slug", "summary", "description", "use_policy", "releases"),
            *("opens_at", "closes_at", "capacity", "decision_days", "pause_days"),
            *("account_age_days_min", "countries_refused", "needs_second_reviewer", "is_blind"),
            *("takes_teams", "seats_max"),
        )
        widgets = {
            "description": forms.Textarea(attrs={"rows": 8}),
            "use_policy": forms.Textarea(attrs={"rows": 8}),
            "opens_at": _LOCAL,
            "closes_at": _LOCAL,
        }
        help_texts = {"slug": "The last part of its address, /apply/…/. It cannot be changed later."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _TEXTS:
            self.fields[name].strip = False  # type: ignore[attr-defined]
        if self.instance.pk:
            del self.fields["slug"]

    def terms(self) -> dict[str, Any]:
        """The fields of the programme's own row."""
        empty_is_none = {"pause_days", "account_age_days_min"}
        terms = {
            name: 0 if value is None and name in empty_is_none else value
            for name, value in self.cleaned_data.items()
            if name != "releases"
        }
        # Browsers send lines as HTML wants them, and nothing was changed by that.
        return terms | {name: str(terms[name]).replace("\r\n", "\n") for name in _TEXTS}


class QuestionForm(forms.ModelForm):
    """One question; its code is fixed once it was asked, since drafts are kept by it."""

    use_required_attribute = False

    choices = forms.CharField(
        label="Choices",
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="One a line, for one or several of them.",
    )
    shown_if_code = forms.ChoiceField(label="Asked only after", required=False)

    class Meta:
        model = Question
        fields = (
            "label",
            "code",
            "kind",
            "help_text",
            "is_required",
            "choices",
            "shown_if_code",
            "shown_if_answer",
        )
        labels = {"label": "Question", "is_required": "An answer is required"}
        help_texts = {"code": "Short, for exports and filters, such as use_case. It cannot be changed later."}

    def __init__(self, programme: Programme, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        before = list(programme.questions.all())
        if self.instance.pk:
            before = [one for one in before if one.position < self.instance.position]
            del self.fields["code"]
        self.initial["choices"] = "\n".join(self.instance.choices)
        shown = self.fields["shown_if_code"]
        shown.choices = [("", "Always"), *((one.code, one.label) for one in before)]  # type: ignore[attr-defined]

    def clean_code(self) -> str:
        """A code of its own."""
        code = str(self.cleaned_data["code"])
        if self.instance.programme.questions.filter(code=code).exists():
            raise forms.ValidationError("Another question of this programme has this code.")
        return code

    def clean_choices(self) -> list[str]:
        """The lines that say something, each once."""
        lines = [line.strip() for line in self.cleaned_data["choices"].splitlines()]
        return list(dict.fromkeys(line[:CHOICE_CHARACTERS] for line in lines if line))

    def clean(self) -> dict[str, Any]:
        """A list has something to choose from, and a condition both of its halves."""
        asked: dict[str, Any] = super().clean() or {}
        is_list = asked.get("kind") in {QuestionKind(kind).value for kind in LISTED}
        if is_list and len(asked.get("choices") or []) < CHOICES_MIN:
            self.add_error("choices", "Write at least two choices, one a line.")
        if not is_list:
            asked["choices"] = []
        if asked.get("shown_if_code") and not asked.get("shown_if_answer"):
            self.add_error("shown_if_answer", "Write the answer after which this is asked.")
        if not asked.get("shown_if_code"):
            asked["shown_if_answer"] = ""
        return asked
