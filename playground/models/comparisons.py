"""Comparisons of several columns on one prompt, and which answer a person preferred."""

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User

if TYPE_CHECKING:
    from playground.models.generations import Generation

COLUMNS_MIN, COLUMNS_MAX = 2, 4


def unhidden(path: str) -> models.Q:
    """What is in no comparison, or in one that hides nothing; `path` leads to the comparison."""
    named = models.Q(**{f"{path}__is_blind": False}) | models.Q(**{f"{path}__revealed_at__isnull": False})
    return models.Q(**{path: None}) | named


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    """Questions about many comparisons."""

    def visible_to(self, user: User) -> "ComparisonQuerySet":
        """The person's own."""
        return self.filter(user=user)

    def unkept(self) -> "ComparisonQuerySet":
        """Those of which nothing is kept, as their columns say."""
        return self.filter(columns__is_unkept=True).distinct()


class Comparison(models.Model):
    """Two to four conversations that are asked the same, side by side.

    While it is blind and not revealed, nothing on the page tells which column is which.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="comparisons")
    title = models.CharField(max_length=120)
    is_blind = models.BooleanField(default=False)
    revealed_at = models.DateTimeField(null=True, help_text="When a blind one told which column is which.")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        verbose_name = "comparison"
        ordering = ["-updated_at"]
        indexes = [models.Index(fields=["user", "-updated_at"], name="comparisons_of_a_person")]

    def __str__(self) -> str:
        return f"comparison {self.pk}"

    @property
    def columns_address(self) -> str:
        """The page of a new comparison with these columns; never of hidden ones."""
        return f"{reverse('playground_compare')}?like={self.pk}"

    def get_absolute_url(self) -> str:
        """The comparison's page."""
        return reverse("playground_comparison", args=[self.pk])

    @property
    def hides_names(self) -> bool:
        """Whether nothing may tell yet which column is which."""
        return self.is_blind and self.revealed_at is None


class Verdict(models.TextChoices):
    """What a person thought of the answers of one round."""

    ONE_IS_BETTER = "better", "One is better"
    TIE = "tie", "As good as each other"
    ALL_BAD = "bad", "All are bad"


class PreferenceVote(models.Model):
    """A vote on the answers of one round of a comparison: `generations` were shown, `winner` was chosen."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="votes")
    round = models.PositiveSmallIntegerField(help_text="Which prompt of the comparison, from 0.")
    verdict = models.CharField(max_length=10, choices=Verdict)
    winner = models.ForeignKey("Generation", null=True, on_delete=models.CASCADE, related_name="votes_won")
    generations: "models.ManyToManyField[Generation, Any]" = models.ManyToManyField(
        "Generation", related_name="votes"
    )
    was_blind = models.BooleanField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "preference vote"
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["comparison", "round"], name="one_vote_a_round"),
            models.CheckConstraint(
                condition=models.Q(verdict=Verdict.ONE_IS_BETTER, winner__isnull=False)
                | (~models.Q(verdict=Verdict.ONE_IS_BETTER) & models.Q(winner=None)),
                name="a_winner_where_one_is_better",
            ),
        ]

    def __str__(self) -> str:
        return f"vote on round {self.round} of {self.comparison_id}"
