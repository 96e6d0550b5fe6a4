"""Programmes: when they take applications, from whom, and how many they approve."""

from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from portal.releases.models import Release

# What a programme that says nothing else allows a team.
SEATS_MAX = 10


class ProgrammeQuerySet(models.QuerySet["Programme"]):
    """Questions about many programmes."""

    def taking_applications(self, *, at: datetime | None = None) -> Self:
        """Those to which one may apply at `at` (None: now)."""
        return self.filter(_takes(at or timezone.now()))

    def taking_first(self, *, at: datetime | None = None) -> Self:
        """All, those to which one may apply at `at` (None: now) before the others."""
        takes = models.Case(models.When(_takes(at or timezone.now()), then=0), default=1)
        return self.order_by(takes, "pk")


def _takes(at: datetime) -> models.Q:
    """The twin of `Programme.takes_applications`."""
    has_begun = models.Q(opens_at=None) | models.Q(opens_at__lte=at)
    return models.Q(is_open=True) & has_begun & (models.Q(closes_at=None) | models.Q(closes_at__gt=at))


class Programme(models.Model):
    """What people apply to, and the releases that an approval opens."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    summary = models.CharField(max_length=300, blank=True)
    description = models.TextField(blank=True, help_text="Markdown.")
    use_policy = models.TextField(blank=True, help_text="Markdown. What applicants agree to.")
    # Closed until `programme_actions.open_programme` opens it, so that the ledger knows since when.
    is_open = models.BooleanField("takes applications", default=False, editable=False)
    releases = models.ManyToManyField(Release, related_name="programmes", blank=True)
    pause_days = models.PositiveSmallIntegerField(
        "pause before applying again",
        default=0,
        blank=True,
        help_text="In days, counted from a decline.",
    )
    opens_at = models.DateTimeField("opens", null=True, blank=True, help_text="UTC. Empty for at once.")
    closes_at = models.DateTimeField(
        "closes", null=True, blank=True, help_text="UTC. Empty for when somebody closes it."
    )
    capacity = models.PositiveIntegerField(
        "places", null=True, blank=True, help_text="How many may be approved at a time; empty for no limit."
    )
    countries_refused = ArrayField(
        models.CharField(max_length=2),
        default=list,
        blank=True,
        verbose_name="countries that cannot apply",
        help_text="ISO 3166-1 codes, as answered to a question for the country.",
    )
    account_age_days_min = models.PositiveSmallIntegerField(
        "age of the account",
        default=0,
        blank=True,
        help_text="In days. Younger accounts cannot apply yet.",
    )
    decision_days = models.PositiveSmallIntegerField(
        "decided within", null=True, blank=True, help_text="In days. What applicants are promised."
    )
    needs_second_reviewer = models.BooleanField(
        "a second reviewer agrees",
        default=False,
        help_text="A decision counts once another reviewer takes the same one.",
    )
    is_blind = models.BooleanField(
        "blind first pass",
        default=False,
        help_text="Reviewers do not see who applied until the first decision; each reveal is in the ledger.",
    )

    takes_teams = models.BooleanField(
        "takes teams", default=False, help_text="Applicants may ask for seats for their colleagues."
    )
    seats_max = models.PositiveSmallIntegerField(
        "seats of a team at most",
        default=SEATS_MAX,
        blank=True,
        help_text="Reviewers grant no more than these.",
    )
    # Where a model card says something else than the programme's own texts.
    hub_texts = models.JSONField(default=dict, blank=True, editable=False)

    objects = ProgrammeQuerySet.as_manager()

    class Meta:
        verbose_name = "programme"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(opens_at=None)
                | models.Q(closes_at=None)
                | models.Q(closes_at__gt=models.F("opens_at")),
                name="programme_closes_after_it_opens",
                violation_error_message="It must close after it opens.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """A number of days that is left empty is none, and a place is at least one."""
        self.pause_days = self.pause_days or 0
        self.account_age_days_min = self.account_age_days_min or 0
        self.seats_max = SEATS_MAX if self.seats_max is None else self.seats_max
        if self.capacity == 0:
            raise ValidationError({"capacity": "Leave it empty for no limit; to approve nobody, close it."})

    def takes_applications(self, *, at: datetime | None = None) -> bool:
        """Whether one may apply at `at` (None: now): opened by staff, and within its times."""
        return not self.closed_sentence(at=at)

    def closed_sentence(self, *, at: datetime | None = None) -> str:
        """Why one cannot apply at `at` (None: now); "" when one can."""
        moment = at or timezone.now()
        if self.closes_at is not None and self.closes_at <= moment:
            return f"{self.name} closed on {_in_words(self.closes_at)}."
        if not self.is_open:
            return f"{self.name} takes no applications at present."
        if self.opens_at is not None and self.opens_at > moment:
            return f"{self.name} opens on {_in_words(self.opens_at)}."
        return ""

    def get_absolute_url(self) -> str:
        """Where people apply."""
        return f"/apply/{self.slug}/"


def _in_words(at: datetime) -> str:
    """A moment as it stands in a sentence.

    >>> from datetime import UTC
    >>> _in_words(datetime(2026, 12, 1, 9, 30, tzinfo=UTC))
    '1 December 2026 at 09:30 UTC'
    """
    local = timezone.localtime(at)
    return f"{local:%-d %B %Y at %H:%M} {local.tzname()}"
