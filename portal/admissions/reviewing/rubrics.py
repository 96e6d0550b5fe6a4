"""Scores as reviewers see them: each one's own, everybody's mean, and how lenient each reviewer is."""

from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Avg, Count

from portal.accounts.models import User
from portal.admissions.models import Application, Criterion, Programme, Score

KEPT_SECONDS = 600
# Over fewer scores a mean says nothing about the reviewer.
SCORES_MIN = 10


@dataclass(frozen=True)
class Line:
    """One criterion: what the reviewer gave, and what each other reviewer gave, raw."""

    criterion: Criterion
    own: int | None
    others: list[tuple[User, int, str]]


def lines_of(application: Application, reviewer: User) -> list[Line]:
    """The rubric with its scores; another's scores are shown once one has given one's own. Two queries."""
    criteria = list(application.programme.criteria.all())
    if not criteria:
        return []
    scores = list(application.scores.select_related("by"))
    has_scored = any(score.by_id == reviewer.pk for score in scores)
    leniency = leniency_in(application.programme) if has_scored else {}
    return [
        Line(
            criterion,
            next(
                (s.value for s in scores if s.criterion_id == criterion.pk and s.by_id == reviewer.pk), None
            ),
            [
                (s.by, s.value, leniency.get(s.by_id, ""))
                for s in scores
                if has_scored and s.criterion_id == criterion.pk and s.by_id != reviewer.pk
            ],
        )
        for criterion in criteria
    ]


def leniency_in(programme: Programme) -> dict[int, str]:
    """How far each reviewer's scores lie from everybody's mean, in words, by the reviewer's id.

    Those with fewer than SCORES_MIN are left out. Two queries every KEPT_SECONDS.
    """
    key = f"admissions:leniency:{programme.pk}"
    return cache.get_or_set(key, lambda: _measured(programme), KEPT_SECONDS) or {}


def in_words(difference: float) -> str:
    """A reviewer's distance from the mean.

    >>> in_words(0.42), in_words(-0.3), in_words(0.04)
    ('0.4 more than the mean', '0.3 less than the mean', 'as the mean')
    """
    size = round(abs(difference), 1)
    if not size:
        return "as the mean"
    return f"{size} {'more' if difference > 0 else 'less'} than the mean"


def _measured(programme: Programme) -> dict[int, str]:
    scores = Score.objects.filter(criterion__programme=programme)
    mean = scores.aggregate(mean=Avg("value"))["mean"]
    each = scores.values_list("by").annotate(mean=Avg("value"), number=Count("pk"))
    return {by: in_words(own - mean) for by, own, number in each.order_by() if number >= SCORES_MIN}
