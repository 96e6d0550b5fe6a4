"""The forms of the safety gate: a policy, a signature, a report, and a reason."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group

from portal.releases.reasons import REASON_CHARACTERS_MAX
from portal.releases.safety.evaluations import Recommendation, Report
from portal.releases.safety.policies import DAYS_MAX, Demand, RoleDemand, Terms

ROWS_MAX = 40
EMPTY_ROWS = 2
AT_LEAST, AT_MOST = "at_least", "at_most"


class PolicyForm(forms.Form):
    """What a policy is called, and whether an outsider's report is demanded."""

    title = forms.CharField(max_length=120, help_text="People see it on every release's page.")
    needs_report = forms.BooleanField(
        label="An outsider reports on the worst that fine-tuning can make of it",
        required=False,
        help_text="A named reviewer's report, with the answer to each of its recommendations.",
    )
    seen_number = forms.IntegerField(widget=forms.HiddenInput, required=False)


class DemandForm(forms.Form):
    """One demanded evaluation; an empty row is none."""

    suite = forms.CharField(max_length=120, required=False)
    metric = forms.CharField(max_length=60, required=False, help_text="Such as pass_rate.")
    bound = forms.ChoiceField(
        label="Bound", choices=[(AT_LEAST, "at least"), (AT_MOST, "at most")], required=False
    )
    threshold = forms.FloatField(required=False)
    suite_sha256 = forms.RegexField(
        r"^[0-9a-f]{64}$",
        label="Only this version",
        required=False,
        help_text="The suite's SHA-256. Empty: any version.",
    )

    def clean(self) -> None:
        """A row is whole or empty."""
        asked = self.cleaned_data
        is_empty = not (asked.get("suite") or asked.get("metric") or asked.get("suite_sha256"))
        if is_empty and asked.get("threshold") is None:
            return
        for name in ("suite", "metric"):
            if not asked.get(name):
                self.add_error(name, "Name it, or empty the row.")
        if asked.get("threshold") is None and "threshold" not in self.errors:
            self.add_error("threshold", "Give a number, or empty the row.")


class RoleForm(forms.Form):
    """One role whose holder signs; an empty row is none."""

    role = forms.ChoiceField(required=False)
    days = forms.IntegerField(
        label="Holds for so many days", min_value=1, max_value=DAYS_MAX, required=False, initial=180
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        names = Group.objects.order_by("name").values_list("name", flat=True)
        choices = [("", "Choose a role, or leave the row empty"), *((name, name) for name in names)]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> None:
        """A role has a time."""
        if self.cleaned_data.get("role") and not self.cleaned_data.get("days") and "days" not in self.errors:
            self.add_error("days", "Say for how many days a signature holds.")


class RecommendationForm(forms.Form):
    """One recommendation of a report and the answer to it; an empty row is none."""

    text = forms.CharField(label="Recommendation", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    answer = forms.CharField(label="Answer", required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def clean(self) -> None:
        """Every recommendation is answered."""
        asked = self.cleaned_data
        if bool(asked.get("text")) != bool(asked.get("answer")):
            name = "answer" if asked.get("text") else "text"
            self.add_error(name, "Write both, or empty the row.")


_ROWS: dict[str, Any] = {"extra": EMPTY_ROWS, "max_num": ROWS_MAX, "absolute_max": ROWS_MAX}
DemandFormSet = forms.formset_factory(DemandForm, **_ROWS)
RoleFormSet = forms.formset_factory(RoleForm, **_ROWS)
RecommendationFormSet = forms.formset_factory(RecommendationForm, **_ROWS)


class SignForm(forms.Form):
    """In which role somebody signs, for how long, and what they read."""

    role = forms.ChoiceField(label="Sign as")
    days = forms.IntegerField(label="Holds for so many days", min_value=1, max_value=DAYS_MAX)
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    is_read = forms.BooleanField(
        label="I have read the evaluations above and answer for this revision",
        error_messages={"required": "Confirm that you have read them; your name stands under it."},
    )

    def __init__(self, *arguments: Any, roles: tuple[RoleDemand, ...], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["role"].choices = [(one.role, one.role) for one in roles]  # type: ignore[attr-defined]
        if roles:
            self.fields["days"].initial = roles[0].days


class ReasonForm(forms.Form):
    """Why something is taken back, paused or lifted."""

    reason = forms.CharField(
        max_length=REASON_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why: people will read it."},
    )


class ReportForm(forms.Form):
    """An outsider's report on the worst that fine-tuning can make of a revision."""

    title = forms.CharField(max_length=200)
    reviewer = forms.CharField(label="Reviewer", max_length=120, help_text="A person's name.")
    organisation = forms.CharField(max_length=120, help_text="For whom they reviewed it.")
    url = forms.URLField(label="Address of the report", assume_scheme="https")
    document_sha256 = forms.RegexField(
        r"^[0-9a-f]{64}$",
        label="SHA-256 of the report",
        help_text="In 64 hexadecimal digits, so that nobody can put another in its place.",
        error_messages={"invalid": "Give 64 hexadecimal digits, as sha256sum prints them."},
    )
    conclusion = forms.CharField(max_length=4000, widget=forms.Textarea(attrs={"rows": 4}))


def terms_in(form: PolicyForm, demands: Any, roles: Any) -> Terms:
    """The terms of valid forms, without their empty rows."""
    return Terms(
        title=form.cleaned_data["title"],
        evaluations=tuple(
            Demand(
                suite=row["suite"],
                metric=row["metric"],
                threshold=row["threshold"],
                is_at_most=row["bound"] == AT_MOST,
                suite_sha256=row["suite_sha256"],
            )
            for row in _filled(demands, "suite")
        ),
        sign_offs=tuple(RoleDemand(row["role"], row["days"]) for row in _filled(roles, "role")),
        needs_report=form.cleaned_data["needs_report"],
    )


def initial_of(terms: Terms) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """What the three forms begin with, from the terms in force."""
    demands = [
        {
            "suite": one.suite,
            "metric": one.metric,
            "bound": AT_MOST if one.is_at_most else AT_LEAST,
            "threshold": one.threshold,
            "suite_sha256": one.suite_sha256,
        }
        for one in terms.evaluations
    ]
    roles = [{"role": one.role, "days": one.days} for one in terms.sign_offs]
    return {"title": terms.title, "needs_report": terms.needs_report}, demands, roles


def report_in(form: ReportForm, rows: Any) -> Report:
    """The report of valid forms, without its empty rows."""
    answered = tuple(Recommendation(row["text"], row["answer"]) for row in _filled(rows, "text"))
    return Report(**form.cleaned_data, recommendations=answered)


def _filled(formset: Any, name: str) -> list[dict[str, Any]]:
    return [row.cleaned_data for row in formset if row.cleaned_data.get(name)]
