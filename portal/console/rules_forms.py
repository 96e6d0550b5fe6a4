"""A set of rules and one rule, as staff write them."""

from typing import Any

from django import forms

from portal.admissions import matching
from portal.admissions.applications.signals import SignalCode
from portal.admissions.models import Programme, RuleEffect
from portal.admissions.rules.checks import CONDITIONS_MAX, OPERATOR_WORDS, VALUE_CHARACTERS_MAX

# As many empty rows below those that are filled in.
EMPTY_ROWS = 3


class RuleSetForm(forms.Form):
    """A new set."""

    use_required_attribute = False

    programme = forms.ModelChoiceField(
        Programme.objects.order_by("name"),
        to_field_name="slug",
        empty_label="Choose a programme",
        error_messages={"required": "Choose the programme whose applications it is for."},
    )
    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="The ledger names it with every decision, such as “First wave”.",
        error_messages={"required": "Give it a name."},
    )


class RuleForm(forms.Form):
    """What a rule is called and does."""

    use_required_attribute = False

    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="The ledger and the timeline name it with every decision.",
        error_messages={"required": "Give the rule a name."},
    )
    effect = forms.ChoiceField(
        label="When everything below holds",
        choices=RuleEffect.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what the rule does."},
    )


class ConditionForm(forms.Form):
    """One condition; a row without a subject is none."""

    use_required_attribute = False

    subject = forms.ChoiceField(label="Subject", required=False)
    operator = forms.ChoiceField(
        label="Comparison", required=False, choices=[("", "Choose one"), *OPERATOR_WORDS.items()]
    )
    value = forms.CharField(
        label="Value",
        required=False,
        max_length=VALUE_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 1}),
    )

    def __init__(self, *arguments: Any, programme: Programme, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["subject"].choices = subjects_of(programme)  # type: ignore[attr-defined]

    def clean(self) -> None:
        """A comparison without a subject is forgotten about something."""
        asked = self.cleaned_data
        if not asked.get("subject") and (asked.get("operator") or asked.get("value")):
            self.add_error("subject", "Choose what is compared, or empty the row.")
        if asked.get("subject") and not asked.get("operator"):
            self.add_error("operator", "Choose how it is compared.")


ConditionFormSet = forms.formset_factory(
    ConditionForm, extra=EMPTY_ROWS, max_num=CONDITIONS_MAX, absolute_max=CONDITIONS_MAX
)


def subjects_of(programme: Programme) -> list[tuple[str, Any]]:
    """What a rule of `programme` can ask about, in groups. One query unless its questions are read."""
    questions = [(matching.ANSWER + one.code, one.label) for one in programme.questions.all()]
    signals = [(matching.SIGNAL + code, label) for code, label in SignalCode.choices]
    return [
        ("", "Choose a subject, or leave the row empty"),
        ("Answers", questions),
        ("Facts", [(matching.COUNTRY, "Country"), (matching.ACCOUNT_AGE, "Age of the account, in days")]),
        ("Signals", signals),
    ]


def conditions_in(formset: Any) -> list[dict[str, str]]:
    """The conditions of a valid formset, without its empty rows."""
    rows = [row.cleaned_data for row in formset if row.cleaned_data.get("subject")]
    # As browsers send them, lines end with CR and LF.
    return [{name: str(row[name]).replace("\r\n", "\n") for name in row} for row in rows]
