"""What the review queue is asked for: words, a state, a programme, who has it, an age, and more."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import REVIEW, holders_of
from portal.admissions import countries
from portal.admissions.applications.signals import SignalCode
from portal.admissions.models import (
    LISTED,
    WAITING_STATUSES,
    Application,
    ApplicationQuerySet,
    ApplicationStatus,
    Programme,
    Question,
)
from portal.admissions.searching import answer_token

WAITING, ALL = "waiting", "all"
FLAGGED = "flagged"
AGES = (
    ("", "Any age"),
    ("1", "A day or more"),
    ("3", "3 days or more"),
    ("7", "7 days or more"),
    ("30", "30 days or more"),
)
DUE = (("", "Whenever"), ("late", "Overdue"), ("soon", "Within a day"))
SOON = timedelta(days=1)


SCORES = (
    ("", "Any score"),
    *((str(least), f"{least} or more") for least in (2, 3, 4)),
    ("none", "Not scored"),
)
FIRST = ("q", "programme", "country", "age")
MINE, NOBODY = "mine", "nobody"


class QueueForm(forms.Form):
    """The filters; what is no choice counts as not asked for. Three queries for the choices."""

    q = forms.CharField(
        label="Search",
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Reference, name, address or answer"}),
    )
    programme = forms.ChoiceField(label="Programme", required=False)
    country = forms.ChoiceField(
        label="Country", required=False, choices=[("", "All countries"), *countries.NAMES.items()]
    )
    age = forms.ChoiceField(label="Waiting for", required=False, choices=AGES)
    due = forms.ChoiceField(label="Promised", required=False, choices=DUE)
    assignee = forms.ChoiceField(label="Reviewer", required=False)
    score = forms.ChoiceField(label="Score", required=False, choices=SCORES)
    answer = forms.ChoiceField(label="Answer", required=False)
    unread = forms.ChoiceField(
        label="Messages", required=False, choices=[("", "Any or none"), ("on", "One to answer")]
    )
    signal = forms.ChoiceField(
        label="Signal",
        required=False,
        choices=[("", "Any or none"), (FLAGGED, "Flagged by a rule"), *SignalCode.choices],
    )
    status = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, asked: QueryDict, *, reviewer: User) -> None:
        super().__init__({name: str(text).replace("\x00", "") for name, text in asked.items()})
        self.reviewer = reviewer
        self.reviewers = list(holders_of(REVIEW))
        programmes = Programme.objects.order_by("name").values_list("slug", "name")
        self._offer("programme", [("", "All programmes"), *programmes])
        people = [(str(one.pk), one.name) for one in self.reviewers if one.pk != reviewer.pk]
        self._offer("assignee", [("", "Any reviewer"), (MINE, "Me"), (NOBODY, "Nobody yet"), *people])
        self._offer("answer", [("", "Any answer"), *_answers(self.data.get("programme", ""))])
        self.is_valid()

    def _offer(self, name: str, choices: list[Any]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    @property
    def status_chosen(self) -> str:
        """The state, or one of WAITING and ALL."""
        chosen = str(self.cleaned_data.get("status") or WAITING)
        return chosen if chosen == ALL or chosen in ApplicationStatus.values else WAITING

    @property
    def first_fields(self) -> list[forms.BoundField]:
        """What is asked for most."""
        return [self[name] for name in FIRST]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """What is asked for less."""
        return [field for field in self.visible_fields() if field.name not in FIRST]

    @property
    def has_more(self) -> bool:
        """Whether any of `more_fields` is asked for."""
        return any(self.cleaned_data.get(field.name) for field in self.more_fields)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but a state is asked for."""
        return any(value for name, value in self.cleaned_data.items() if name != "status")

    def asked(self) -> dict[str, str]:
        """The filters that are set, for the ledger."""
        set_ones = {name: str(value) for name, value in self.cleaned_data.items() if value}
        return set_ones | {"status": self.status_chosen}

    def in_all_states(self) -> ApplicationQuerySet:
        """What was submitted and fits, whatever its state."""
        asked = self.cleaned_data
        found = Application.objects.received().matching(asked.get("q", ""))
        if slug := asked.get("programme"):
            found = found.filter(programme__slug=slug)
        if country := asked.get("country"):
            found = found.filter(country=country)
        if age := asked.get("age"):
            found = found.filter(submitted_at__lte=timezone.now() - timedelta(days=int(age)))
        if signal := asked.get("signal"):
            found = found.exclude(flag="") if signal == FLAGGED else found.filter(signals__contains=[signal])
        if due := asked.get("due"):
            found = found.due(before=timezone.now() + (SOON if due == "soon" else timedelta()))
        if token := asked.get("answer"):
            found = found.answered_with(token)
        if asked.get("unread"):
            found = found.filter(unread_at__isnull=False)
        return self._of_reviewer(self._scored(found))

    def _scored(self, found: ApplicationQuerySet) -> ApplicationQuerySet:
        least = self.cleaned_data.get("score")
        if not least:
            return found
        return found.filter(score=None) if least == "none" else found.filter(score__gte=int(least))

    def _of_reviewer(self, found: ApplicationQuerySet) -> ApplicationQuerySet:
        chosen = self.cleaned_data.get("assignee")
        if not chosen:
            return found
        if chosen == NOBODY:
            return found.not_taken()
        mine = {one.pk: one for one in self.reviewers}
        return found.taken_by(self.reviewer if chosen == MINE else mine[int(chosen)])

    def found(self) -> ApplicationQuerySet:
        """What fits in the chosen state."""
        chosen, received = self.status_chosen, self.in_all_states()
        if chosen == ALL:
            return received
        return received.filter(status__in=WAITING_STATUSES if chosen == WAITING else [chosen])


def _answers(programme: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every choice of every question that has some, by its token. One query."""
    questions = Question.objects.filter(kind__in=LISTED).order_by("programme", "position")
    if programme:
        questions = questions.filter(programme__slug=programme)
    return [
        (question.label, [(answer_token(question.code, label), label) for label in question.choices])
        for question in questions
    ]


def filters_of(asked: QueryDict) -> QueryDict:
    """The filters alone, without the place in the list."""
    filters = asked.copy()
    for name in ("before", "after"):
        filters.pop(name, None)
    return filters
