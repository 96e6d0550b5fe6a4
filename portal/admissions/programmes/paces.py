"""How long a programme's decisions take, as measured."""

from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.db.models import Aggregate, Count, DurationField, ExpressionWrapper, F
from django.utils import timezone

from portal.admissions.models import Application, Programme

MEASURED_OVER = timedelta(days=90)
# Fewer tell more about single people than about the programme.
DECISIONS_MIN = 10
KEPT_SECONDS = 600
TOLD_IN_HOURS_UP_TO = 48


@dataclass(frozen=True)
class Pace:
    """The times from submission to the first decision, over `number` of them."""

    number: int
    median: timedelta
    p90: timedelta

    @property
    def sentence(self) -> str:
        """What an applicant can expect, in words."""
        return (
            f"Of the last {self.number:,} decisions half came within {in_words(self.median)}, "
            f"nine of ten within {in_words(self.p90)}."
        )


class _Percentile(Aggregate):
    """PostgreSQL's ordered-set aggregate `percentile_cont`."""

    function = "percentile_cont"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"


def pace_of(programme: Programme) -> Pace | None:
    """The pace of the last MEASURED_OVER, None for too few decisions. One query every KEPT_SECONDS."""
    key = f"admissions:pace:{programme.pk}"
    pace = cache.get_or_set(key, lambda: _measured(programme), KEPT_SECONDS)
    return pace if pace is not None and pace.number >= DECISIONS_MIN else None


def in_words(span: timedelta) -> str:
    """A span in whole hours or days, rounded up.

    >>> in_words(timedelta(minutes=5)), in_words(timedelta(hours=30)), in_words(timedelta(days=3, hours=1))
    ('1 hour', '30 hours', '4 days')
    """
    hours = -(-span // timedelta(hours=1)) or 1
    if hours <= TOLD_IN_HOURS_UP_TO:
        return f"{hours} hour{'s' if hours > 1 else ''}"
    return f"{-(-span // timedelta(days=1))} days"


def _measured(programme: Programme) -> Pace:
    took = ExpressionWrapper(F("first_decided_at") - F("submitted_at"), output_field=DurationField())
    decided = Application.objects.filter(
        programme=programme, first_decided_at__gte=timezone.now() - MEASURED_OVER
    )
    found = decided.annotate(took=took).aggregate(
        number=Count("pk"),
        median=_Percentile("took", fraction=0.5, output_field=DurationField()),
        p90=_Percentile("took", fraction=0.9, output_field=DurationField()),
    )
    nothing = timedelta()
    return Pace(found["number"], found["median"] or nothing, found["p90"] or nothing)
