"""What a person thought of an answer."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from playground.models.generations import Generation

COMMENT_MAX_CHARACTERS = 4_000
# The words that one may tick; what is stored is the first of each pair.
TAGS = (
    ("correct", "Correct"),
    ("helpful", "Helpful"),
    ("well_written", "Well written"),
    ("wrong", "Wrong"),
    ("made_up", "Made up"),
    ("ignored_instructions", "Ignored instructions"),
    ("refused_wrongly", "Refused wrongly"),
    ("unsafe", "Unsafe"),
    ("repetitive", "Repeats itself"),
)


class Rating(models.IntegerChoices):
    """Good or bad."""

    UP = 1, "Good"
    DOWN = -1, "Bad"


class Feedback(models.Model):
    """One person's view of one answer, with a better one if they wrote it. Staff read it with its prompt."""

    generation = models.OneToOneField(Generation, on_delete=models.CASCADE, related_name="feedback")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="feedback")
    rating = models.SmallIntegerField(choices=Rating)
    tags = models.JSONField(default=list, help_text="Of TAGS, the first words.")
    comment = models.TextField(blank=True)
    correction = models.TextField(blank=True, help_text="What the answer should have been.")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "feedback"
        verbose_name_plural = "feedback"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"feedback on {self.generation_id}"
