"""What staff type about a report: a decision, a fix, a pause, a regression case."""

import json
from typing import Any

from django import forms

from playground.evaluations import matchers
from playground.reporting.expectations import expectation_of
from playground.reporting.models import Category, ExpectationType, Report, Severity
from playground.reporting.models.reports import MESSAGE_MAX_CHARACTERS
from playground.reporting.reasons import DismissReason
from playground.reporting.suites import askable, faults_of
from portal.common.refusals import Refusal
from portal.releases.models import Revision

REASON_CHARACTERS_MAX = 500
MESSAGES_CHARACTERS_MAX = 200_000
EXPECTED_CHARACTERS_MAX = 60_000


class DecisionForm(forms.Form):
    """What is told to the reporter, and why a report is dismissed."""

    message = forms.CharField(
        label="Message to the reporter",
        required=False,
        max_length=MESSAGE_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Sent by mail with the decision, or alone.",
    )
    reason = forms.ChoiceField(
        label="Why it is dismissed",
        required=False,
        choices=[("", "Choose one to dismiss it"), *DismissReason.choices],
        help_text="The reporter is told, and what they can do next.",
    )
    use_required_attribute = False


class FixForm(forms.Form):
    """The revision that mends it."""

    revision = forms.ModelChoiceField(
        Revision.objects.none(),
        label="Fixed in",
        to_field_name="commit",
        empty_label="Choose the revision",
        error_messages={
            "required": "Choose the revision that mends it.",
            "invalid_choice": "There is no such revision. Choose one of the list.",
        },
    )
    use_required_attribute = False

    def __init__(self, data: Any = None, *, report: Report) -> None:
        super().__init__(data)
        others = report.release.revisions.exclude(commit=report.revision_commit).order_by("-frozen_at")
        field: Any = self.fields["revision"]
        # Each choice names its release, which is the same for all.
        field.queryset = others.select_related("release")
        field.label_from_instance = lambda one: f"{one.name} at {one.commit[:12]}"


class SeverityForm(forms.Form):
    """How bad it is, as staff see it."""

    severity = forms.TypedChoiceField(label="Severity", choices=Severity.choices, coerce=int)
    use_required_attribute = False


class PauseForm(forms.Form):
    """Why every door of a release is shut."""

    reason = forms.CharField(
        label="Reason",
        max_length=REASON_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Everybody who is shut out reads it, in the playground, by the API and at downloads.",
        error_messages={"required": "Say why: everybody who is shut out reads it."},
    )
    use_required_attribute = False


class CaseForm(forms.Form):
    """A regression case before it is kept."""

    messages = forms.CharField(
        label="Messages",
        max_length=MESSAGES_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "mono"}),
        help_text="What the model is asked, as OpenAI's messages in JSON; the last one is the user's.",
        error_messages={"required": "Write what the model is asked."},
    )
    category = forms.ChoiceField(label="Category", choices=Category.choices)
    expectation = forms.ChoiceField(label="What is expected", choices=ExpectationType.choices)
    expected = forms.CharField(
        label="Texts, pattern, schema or question",
        required=False,
        max_length=EXPECTED_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="Texts stand one a line. A refusal needs nothing; whoever grades may be asked a question.",
    )
    holds_promotion = forms.BooleanField(
        label="A later revision that fails it is not given out",
        required=False,
        help_text="The safety gate then demands it of every revision that is frozen from now on.",
    )
    tried_on = forms.CharField(
        label="An answer to try it on",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="The reported one should fail. Write over it to see what passes; it is not kept.",
    )
    use_required_attribute = False

    def clean_tried_on(self) -> str:
        """The answer with the line ends that a model writes, and not a browser's."""
        return str(self.cleaned_data["tried_on"]).replace("\r\n", "\n")

    def clean_messages(self) -> Any:
        """The messages, as far as they are JSON."""
        try:
            return json.loads(self.cleaned_data["messages"])
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is not JSON: {error}.") from error

    def clean(self) -> dict[str, Any]:
        """Put together what is expected; what no suite could ask is told at its field."""
        facts = super().clean() or self.cleaned_data
        if not {"messages", "expectation", "expected"} <= facts.keys():
            return facts
        try:
            matcher = expectation_of(facts["expectation"], facts["expected"])
        except Refusal as refusal:
            self.add_error("expected", refusal.sentence)
            return facts
        for fault in faults_of(facts["messages"], matcher):
            field, noun = ("messages", "It") if fault.field == "messages" else ("expected", "The expectation")
            self.add_error(field, f"{noun} {fault.sentence}")
        return facts | {"matcher": matcher}

    def tried(self) -> matchers.Grade | None:
        """What the answer to try it on scores, and why; None where a field is wrong. May start a process."""
        if not self.is_valid():
            return None
        return matchers.grade(self.cleaned_data["matcher"], matchers.Answer(self.cleaned_data["tried_on"]))

    def facts(self) -> dict[str, Any]:
        """What the verb takes; call it of a valid form."""
        given = self.cleaned_data
        kept = {name: given[name] for name in ("messages", "category", "holds_promotion")}
        return kept | {"expectation": given["matcher"]}


def as_reported(report: Report) -> dict[str, Any]:
    """What the form of a case begins with: the report's own words, and that the model should refuse."""
    asked = askable(report.messages) or [{"role": "user", "content": ""}]
    return {
        "messages": json.dumps(asked, indent=2, ensure_ascii=False),
        "category": report.category,
        "expectation": ExpectationType.REFUSAL,
        "holds_promotion": True,
        "tried_on": report.answer,
    }
