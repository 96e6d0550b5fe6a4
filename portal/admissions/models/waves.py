"""Waves: many admissions at a time by a policy and a sealed seed, and everybody who was considered."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.admissions import choosing, countries
from portal.admissions.models.applications import Application
from portal.admissions.models.bulk import FORGOTTEN_AFTER
from portal.admissions.models.programmes import Programme
from portal.common.transitions import Moves

SIZE_MAX = 5_000
# Beat looks every quarter of a minute; what has not begun so long after its time needs somebody.
OVERDUE_AFTER = timedelta(minutes=2)


class WaveStatus(models.TextChoices):
    """How far a wave is."""

    PLANNED = "planned", "Planned"
    RELEASING = "releasing", "Releasing"
    RELEASED = "released", "Released"
    CANCELLED = "cancelled", "Cancelled"


_W = WaveStatus
WAVE_MOVES: Moves = {
    _W.PLANNED: frozenset({_W.RELEASING, _W.CANCELLED}),
    # Once it is drawn, those who are in can prove it: there is no way back.
    _W.RELEASING: frozenset({_W.RELEASED}),
}


class WaveOrder(models.TextChoices):
    """Who comes first."""

    SCORE = choosing.SCORE, "The best score first"
    OLDEST = choosing.OLDEST, "The longest wait first"


class WaveQuerySet(models.QuerySet["Wave"]):
    """Questions about many waves."""

    def due(self, *, at: datetime | None = None) -> Self:
        """Those whose time has come and that nobody has drawn."""
        return self.filter(status=_W.PLANNED, scheduled_at__lte=at or timezone.now())

    def forgotten(self) -> Self:
        """Those that are being released although nobody works on them."""
        return self.filter(status=_W.RELEASING, heartbeat_at__lt=timezone.now() - FORGOTTEN_AFTER)


class Wave(models.Model):
    """So many of a programme's waiting list, at a time, by a policy."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="waves")
    name = models.CharField(max_length=120)
    size = models.PositiveIntegerField()
    order = models.CharField(max_length=10, choices=WaveOrder, default=WaveOrder.SCORE)
    country_percent_max = models.PositiveSmallIntegerField(null=True)
    # Sealed until the draw: no page, no preview and no command reads it before.
    seed = models.CharField(max_length=64, editable=False, help_text="32 bytes in hex.")
    seed_commitment = models.CharField(max_length=64, editable=False, help_text="The seed's SHA-256.")
    scheduled_at = models.DateTimeField()
    status = models.CharField(max_length=20, choices=WaveStatus, default=_W.PLANNED, editable=False)
    # Who planned it, or brought it forward: the decisions are theirs.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="waves")
    created_at = models.DateTimeField(default=timezone.now)
    drawn_at = models.DateTimeField(null=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, editable=False)
    released_at = models.DateTimeField(null=True, editable=False)

    objects = WaveQuerySet.as_manager()

    class Meta:
        verbose_name = "wave"
        ordering = ["-scheduled_at", "-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(size__range=(1, SIZE_MAX)), name="wave_size_in_its_range"
            ),
            models.CheckConstraint(
                condition=models.Q(country_percent_max=None) | models.Q(country_percent_max__range=(1, 100)),
                name="wave_percent_in_its_range",
            ),
        ]
        indexes = [models.Index(fields=["status", "scheduled_at"], name="waves_by_state")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page in the console."""
        return f"/console/waves/{self.pk}/"

    @property
    def policy(self) -> choosing.Policy:
        """What the choice goes by."""
        return choosing.Policy(self.size, self.order, self.country_percent_max)

    @property
    def seed_shown(self) -> str:
        """The seed once it counts for nothing more; "" before."""
        return "" if self.status == _W.PLANNED else self.seed

    @property
    def is_planned(self) -> bool:
        """Whether it can still be cancelled, or brought forward."""
        return self.status == _W.PLANNED

    @property
    def is_live(self) -> bool:
        """Whether somebody works on it or will."""
        return self.status == _W.RELEASING

    @property
    def is_changing(self) -> bool:
        """Whether a page about it should look again within seconds."""
        is_due = self.is_planned and self.scheduled_at <= timezone.now()
        return self.is_live or (is_due and not self.is_overdue)

    @property
    def is_overdue(self) -> bool:
        """Whether its time is over and nothing began."""
        return self.is_planned and self.scheduled_at < timezone.now() - OVERDUE_AFTER

    def count_by_outcome(self) -> dict[str, int]:
        """How many candidates have come to what; an outcome without any is left out. One query."""
        return dict(self.candidates.order_by().values_list("outcome").annotate(number=models.Count("pk")))


class CandidateOutcome(models.TextChoices):
    """What came of one candidate."""

    PENDING = "pending", "Chosen, waiting"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Left as it was"
    NOT_CHOSEN = "not_chosen", "Not chosen"


# What can come of those whom the draw chose.
CHOSEN_OUTCOMES = (CandidateOutcome.PENDING, CandidateOutcome.APPROVED, CandidateOutcome.REFUSED)


class WaveCandidate(models.Model):
    """Somebody who was on the waiting list at the draw, as they stood then: what a replay goes by."""

    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="candidates")
    # What the draw went by is kept here, and so outlives the application.
    application = models.ForeignKey(
        Application, null=True, on_delete=models.SET_NULL, related_name="wave_candidates"
    )
    reference = models.CharField(max_length=12)
    score = models.FloatField(null=True)
    country = models.CharField(max_length=2, blank=True)
    submitted_at = models.DateTimeField()
    rank = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=CandidateOutcome)
    sentence = models.CharField(max_length=500, blank=True, help_text="Why it was left as it was.")

    class Meta:
        verbose_name = "candidate of a wave"
        ordering = ["rank"]
        constraints = [
            models.UniqueConstraint(fields=["wave", "rank"], name="one_candidate_a_rank"),
            models.UniqueConstraint(fields=["wave", "reference"], name="one_candidate_a_reference"),
        ]
        indexes = [models.Index(fields=["wave", "outcome", "rank"], name="candidates_by_outcome")]

    def __str__(self) -> str:
        return f"{self.reference} in {self.wave_id}"

    @property
    def is_chosen(self) -> bool:
        """Whether the draw chose them, whatever came of it."""
        return self.outcome != CandidateOutcome.NOT_CHOSEN

    @property
    def country_name(self) -> str:
        """The country in words; "" where none was told."""
        return countries.name_of(self.country)

    def as_candidate(self) -> choosing.Candidate:
        """What the choice knew of them."""
        return choosing.Candidate(self.reference, self.score, self.country, self.submitted_at)
