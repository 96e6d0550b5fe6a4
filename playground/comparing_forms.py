"""What is asked for a comparison: its columns, each a release or revision with settings, and the prompt."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from playground.actions.comparing import Column
from playground.comparing import name_of
from playground.forms import UNKEPT_HELP, SettingsForm, shown
from playground.message_forms import MessageForm, message_field
from playground.models import TITLE_CHARACTERS, Comparison
from playground.models.comparisons import COLUMNS_MAX, COLUMNS_MIN
from playground.parameters import usual
from portal.access.deciding import releases_allowed
from portal.access.decision import Action
from portal.accounts.models import User
from portal.releases.models import Release, Revision

TIE, ALL_BAD = "tie", "bad"


@dataclass(frozen=True)
class Choice:
    """What a column may be: a release, or one of its revisions that is served beside it."""

    release: Release
    revision: Revision | None = None

    @property
    def value(self) -> str:
        """How forms and addresses name it: `slug`, or `slug@commit`."""
        return f"{self.release.slug}@{self.revision.commit}" if self.revision else self.release.slug

    @property
    def label(self) -> str:
        """How people read it."""
        return name_of(self.release, self.revision)


def choices_for(user: User) -> dict[str, Choice]:
    """What the person may compare, by how forms name it. Two queries."""
    releases = {one.pk: one for one in releases_allowed(user, Action.PLAYGROUND)}
    served = Revision.objects.served().filter(release__in=releases).order_by("-frozen_at")
    choices = [Choice(release) for release in releases.values()]
    choices += [Choice(releases[revision.release_id], revision) for revision in served]
    return {choice.value: choice for choice in sorted(choices, key=lambda one: one.label)}


class ColumnForm(SettingsForm):
    """One column. Tools are left out: what they return belongs to one answer, not to a round."""

    model = forms.ChoiceField(label="Model")

    def __init__(
        self, *args: Any, number: int, choices: Mapping[str, Choice], chosen: str, **kwargs: Any
    ) -> None:
        self.number = number
        self.choices = choices
        choice = choices.get(chosen) or next(iter(choices.values()))
        super().__init__(*args, release=choice.release, prefix=prefix_of(number), **kwargs)
        self.fields["model"].choices = [  # type: ignore[attr-defined]
            (value, one.label) for value, one in choices.items()
        ]
        del self.fields["tools"], self.fields["tool_choice"]
        self.order_fields(["model", "system_prompt", "temperature", "max_tokens"])

    @property
    def title(self) -> str:
        """The column's heading."""
        return f"Column {self.number + 1}"

    def column(self) -> Column:
        """What the valid form chooses."""
        choice = self.choices[self.cleaned_data["model"]]
        return Column(choice.release, choice.revision, self.settings())


class RoundForm(MessageForm):
    """One prompt for all columns; `token` tells a second sending from a second prompt."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    prompt = message_field("Ask all of them something")

    @property
    def asked(self) -> dict[str, Any]:
        """What the valid form asks, as `actions.ask` takes it."""
        return {name: self.cleaned_data[name] for name in ("prompt", "token")}


class NewComparisonForm(RoundForm):
    """The first prompt, whether the columns are hidden, and whether any of it is kept."""

    is_blind = forms.BooleanField(
        label="Blind",
        required=False,
        help_text="The columns stand in a random order, without names and numbers, until you vote.",
    )
    is_unkept = forms.BooleanField(
        label="Don't keep this comparison",
        required=False,
        help_text=UNKEPT_HELP,
    )

    @property
    def asked(self) -> dict[str, Any]:
        """What the valid form asks, as `actions.compare` takes it."""
        return super().asked | {name: self.cleaned_data[name] for name in ("is_blind", "is_unkept")}


class VoteForm(forms.Form):
    """Which answer is better: its id, or one of the two words."""

    round = forms.IntegerField(min_value=0, max_value=10_000)
    choice = forms.CharField(max_length=40)


class TitleForm(forms.Form):
    """Another title."""

    title = forms.CharField(max_length=TITLE_CHARACTERS)


def blank_round() -> RoundForm:
    """An empty composer with a token of its own."""
    return RoundForm(initial={"token": uuid.uuid4()})


def prefix_of(number: int) -> str:
    """What a column's fields begin with."""
    return f"c{number}"


def blank_columns(choices: Mapping[str, Choice], wanted: Sequence[str]) -> list[ColumnForm]:
    """Columns for the values `wanted`, those that may be chosen; two at least and four at most."""
    known = [value for value in wanted if value in choices][:COLUMNS_MAX]
    others = [value for value in choices if value not in known]
    while len(known) < COLUMNS_MIN:
        known.append(others.pop(0) if others else next(iter(choices)))
    return [
        _column(number, choices, value, usual(choices[value].release.context_length))
        for number, value in enumerate(known)
    ]


def columns_like(comparison: Comparison, choices: Mapping[str, Choice]) -> list[ColumnForm]:
    """The columns of another comparison, as far as they may still be chosen. One query."""
    columns = comparison.columns.select_related("release", "revision").order_by("column")
    named = [(Choice(column.release, column.revision).value, column.settings) for column in columns]
    forms_of = [
        _column(number, choices, value, settings)
        for number, (value, settings) in enumerate(one for one in named if one[0] in choices)
    ]
    return forms_of if len(forms_of) >= COLUMNS_MIN else blank_columns(choices, [])


def typed_columns(data: Mapping[str, Any], choices: Mapping[str, Choice]) -> list[ColumnForm]:
    """The columns as they were sent, to be checked."""
    return [
        ColumnForm(data, number=number, choices=choices, chosen=_typed(data, number).get("model", ""))
        for number in range(_count(data))
    ]


def changed_columns(data: Mapping[str, Any], choices: Mapping[str, Choice], change: str) -> list[ColumnForm]:
    """The columns with one more ("add") or one less ("remove-0"); what was typed is kept."""
    typed = [_typed(data, number) for number in range(_count(data))]
    if change == "add" and len(typed) < COLUMNS_MAX:
        typed.append(dict(typed[-1]))
    for number in range(len(typed)):
        if change == f"remove-{number}" and len(typed) > COLUMNS_MIN:
            del typed[number]
            break
    return [_column(number, choices, str(one.get("model", "")), one) for number, one in enumerate(typed)]


def _column(
    number: int, choices: Mapping[str, Choice], chosen: str, settings: Mapping[str, Any]
) -> ColumnForm:
    initial = shown(dict(settings)) if "model" not in settings else dict(settings)
    return ColumnForm(initial=initial | {"model": chosen}, number=number, choices=choices, chosen=chosen)


def _typed(data: Mapping[str, Any], number: int) -> dict[str, Any]:
    """What was typed into one column, by the names of its fields."""
    start = f"{prefix_of(number)}-"
    return {name.removeprefix(start): data[name] for name in data if name.startswith(start)}


def _count(data: Mapping[str, Any]) -> int:
    given = str(data.get("columns", ""))
    count = int(given) if given.isascii() and given.isdigit() and len(given) == 1 else COLUMNS_MIN
    return max(COLUMNS_MIN, min(COLUMNS_MAX, count))
