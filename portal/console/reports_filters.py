"""What the triage queue is asked for: words, a state, how bad, about what, of which release, who has it."""

from typing import Any

from django import forms
from django.db.models import Count, Q
from django.http import QueryDict

from playground.reporting.models import (
    WAITING_STATUSES,
    Category,
    Report,
    ReportQuerySet,
    ReportStatus,
    Severity,
)
from portal.accounts.models import User
from portal.accounts.roles import TRIAGE, holders_of
from portal.releases.models import Release

WAITING, ALL = "waiting", "all"
MINE, NOBODY = "mine", "nobody"


class ReportFilterForm(forms.Form):
    """The filters; what is no choice counts as not asked for. Two queries for the choices."""

    q = forms.CharField(
        label="Search",
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Reference or words"}),
    )
    severity = forms.ChoiceField(
        label="Severity",
        required=False,
        choices=[("", "Any"), *((str(one.value), one.word) for one in reversed(Severity))],
    )
    category = forms.ChoiceField(label="About", required=False, choices=[("", "Anything"), *Category.choices])
    release = forms.ChoiceField(label="Release", required=False)
    assignee = forms.ChoiceField(label="Who has it", required=False)
    unread = forms.ChoiceField(
        label="Messages", required=False, choices=[("", "Any or none"), ("on", "One to answer")]
    )
    status = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, asked: QueryDict, *, by: User) -> None:
        super().__init__({name: str(text).replace("\x00", "") for name, text in asked.items()})
        self.by = by
        self.triagers = list(holders_of(TRIAGE))
        releases = Release.objects.order_by("name").values_list("slug", "name")
        self._offer("release", [("", "Any"), *releases])
        people = [(str(one.pk), one.name) for one in self.triagers if one.pk != by.pk]
        self._offer("assignee", [("", "Anybody"), (MINE, "Me"), (NOBODY, "Nobody yet"), *people])
        self.is_valid()

    def _offer(self, name: str, choices: list[Any]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    @property
    def status_chosen(self) -> str:
        """The state, or one of WAITING and ALL."""
        chosen = str(self.cleaned_data.get("status") or WAITING)
        return chosen if chosen == ALL or chosen in ReportStatus.values else WAITING

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but a state is asked for."""
        return any(value for name, value in self.cleaned_data.items() if name != "status")

    def in_all_states(self) -> ReportQuerySet:
        """What fits, whatever its state."""
        asked, found = self.cleaned_data, Report.objects.all()
        if text := asked.get("q", ""):
            found = found.filter(Q(reference__iexact=text) | Q(description__icontains=text))
        if severity := asked.get("severity"):
            found = found.filter(severity=severity)
        if category := asked.get("category"):
            found = found.filter(category=category)
        if slug := asked.get("release"):
            found = found.filter(release__slug=slug)
        if asked.get("unread"):
            found = found.filter(unread_at__isnull=False)
        return self._of_assignee(found)

    def _of_assignee(self, found: ReportQuerySet) -> ReportQuerySet:
        chosen = self.cleaned_data.get("assignee")
        if not chosen:
            return found
        if chosen == NOBODY:
            return found.filter(assignee=None)
        return found.filter(assignee=self.by.pk if chosen == MINE else int(chosen))

    def found(self) -> ReportQuerySet:
        """What fits in the chosen state."""
        chosen, found = self.status_chosen, self.in_all_states()
        if chosen == ALL:
            return found
        return found.filter(status__in=WAITING_STATUSES if chosen == WAITING else [chosen])

    def tabs(self) -> list[tuple[str, str, int]]:
        """Each choice of a state: its value, its label, and how many fit. One query."""
        rows = self.in_all_states().order_by().values_list("status").annotate(Count("pk"))
        counts = dict(rows)
        waiting = sum(counts.get(status, 0) for status in WAITING_STATUSES)
        states = [(one.value, str(one.label), counts.get(one, 0)) for one in ReportStatus]
        return [(WAITING, "Waiting for you", waiting), *states, (ALL, "All", sum(counts.values()))]
