"""What people thought of answers, added up: rates by release and revision, and who wins against whom."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, F, Func, JSONField, Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from playground.comparing import described
from playground.models import Feedback, PreferenceVote, Rating, Verdict
from portal.releases.models import Release

RELEASE = "turn__conversation__release"
# What differs by chance or is told beside: the rest of the parameters are the settings.
NOT_SETTINGS = ("model", "revision", "seed", "seed_is_drawn", "logprobs", "top_logprobs")
PAIRS_SHOWN = 200


@dataclass(frozen=True)
class Question:
    """What is asked for; None and "" leave it open. Days are those of UTC, both included."""

    release: Release | None = None
    revision: str = ""
    tag: str = ""
    since: date | None = None
    until: date | None = None

    def feedback(self) -> "QuerySet[Feedback]":
        """The feedback that fits."""
        found = Feedback.objects.filter(self._in_time())
        if self.release is not None:
            found = found.filter(**{f"generation__{RELEASE}": self.release})
        if self.revision:
            found = found.filter(generation__params__revision__startswith=self.revision)
        return found.filter(tags__contains=[self.tag]) if self.tag else found

    def votes(self) -> "QuerySet[PreferenceVote]":
        """The votes on rounds in which the release and the revision took part; votes have no tags."""
        found = PreferenceVote.objects.filter(self._in_time())
        answers = Q()
        if self.release is not None:
            answers &= Q(**{f"generations__{RELEASE}": self.release})
        if self.revision:
            answers &= Q(generations__params__revision__startswith=self.revision)
        # One answer has both; as a subquery, so that the others of the round still count.
        return found.filter(pk__in=PreferenceVote.objects.filter(answers).values("pk")) if answers else found

    def _in_time(self) -> Q:
        asked = Q()
        if self.since is not None:
            asked &= Q(created_at__gte=_midnight(self.since))
        if self.until is not None:
            asked &= Q(created_at__lt=_midnight(self.until + timedelta(days=1)))
        return asked


@dataclass(frozen=True)
class Judged:
    """How often the answers of one revision of a release were found good; `revision` is a commit or ""."""

    release_name: str
    release_slug: str
    revision: str
    good_count: int
    total_count: int


@dataclass(frozen=True)
class Contender:
    """A release, its revision's commit or "", and the settings without the seed, as JSON and in words."""

    release_name: str
    revision: str
    settings: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """How two contenders did against each other; ties count for neither."""

    one: Contender
    other: Contender
    wins: int
    losses: int
    ties: int

    @property
    def decided(self) -> int:
        """How often one of them was better."""
        return self.wins + self.losses


def rates(feedback: "QuerySet[Feedback]") -> list[Judged]:
    """The rates by release and revision, the most judged first. One query."""
    of = f"generation__{RELEASE}"
    rows = (
        feedback.annotate(revision=KeyTextTransform("revision", "generation__params"))
        .values(f"{of}__name", f"{of}__slug", "revision")
        .annotate(total=Count("pk"), good=Count("pk", filter=Q(rating=Rating.UP)))
        .order_by("-total", f"{of}__name", "revision")
    )
    return [
        Judged(row[f"{of}__name"], row[f"{of}__slug"], row["revision"] or "", row["good"], row["total"])
        for row in rows
    ]


def verdicts(votes: "QuerySet[PreferenceVote]") -> dict[str, int]:
    """How many votes there are, how many were blind, and how many found all answers bad. One query."""
    bad = Count("pk", filter=Q(verdict=Verdict.ALL_BAD))
    return votes.aggregate(total=Count("pk"), blind=Count("pk", filter=Q(was_blind=True)), bad=bad)


def pairs(votes: "QuerySet[PreferenceVote]") -> list[Pair]:
    """Who wins against whom, the most often compared first, `PAIRS_SHOWN` at most. One query.

    The winner of a round beats each of its other answers; two that both lost say nothing about each other.
    """
    shown = PreferenceVote.generations.through.objects.filter(preferencevote__in=votes)
    rows = (
        shown.annotate(rival=F("preferencevote__generations"))
        .exclude(rival=F("generation"))
        .annotate(**_contender("one", "generation"), **_contender("other", "preferencevote__generations"))
        .values(*_NAMES)
        .annotate(
            wins=Count("pk", filter=Q(preferencevote__winner=F("generation"))),
            losses=Count("pk", filter=Q(preferencevote__winner=F("rival"))),
            ties=Count("pk", filter=Q(preferencevote__verdict=Verdict.TIE)),
        )
        .filter(Q(wins__gt=0) | Q(losses__gt=0) | Q(ties__gt=0))
    )
    return _once(rows)[:PAIRS_SHOWN]


class _Settings(Func):
    """Parameters without what is no setting, by PostgreSQL's `jsonb - text[]`."""

    template = f"(%(expressions)s - ARRAY[{', '.join(repr(name) for name in NOT_SETTINGS)}]::text[])"
    output_field = JSONField()


_NAMES = tuple(f"{side}_{fact}" for side in ("one", "other") for fact in ("name", "revision", "settings"))


def _contender(side: str, path: str) -> dict[str, Any]:
    return {
        f"{side}_name": F(f"{path}__{RELEASE}__name"),
        f"{side}_revision": KeyTextTransform("revision", f"{path}__params", output_field=TextField()),
        f"{side}_settings": _Settings(F(f"{path}__params")),
    }


def _once(rows: Iterable[dict[str, Any]]) -> list[Pair]:
    """Each pair once, though each is counted from both sides; the better one first."""
    found: dict[frozenset[Contender], Pair] = {}
    for row in rows:
        one, other = (
            Contender(
                row[f"{side}_name"],
                row[f"{side}_revision"] or "",
                json.dumps(row[f"{side}_settings"], sort_keys=True),
                described(row[f"{side}_settings"]),
            )
            for side in ("one", "other")
        )
        pair = Pair(one, other, row["wins"], row["losses"], row["ties"])
        # The same against itself, with another seed, tells nothing.
        if one == other or pair.losses > pair.wins:
            continue
        found.setdefault(frozenset({one, other}), pair)
    return sorted(found.values(), key=lambda pair: (-pair.decided, -pair.ties, pair.one.release_name))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()), timezone.get_default_timezone())
