"""The questions that a programme asks, their kinds, and when one is asked at all."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models

from portal.admissions.models.programmes import Programme


class QuestionKind(models.TextChoices):
    """What kind of answer a question takes."""

    SHORT_TEXT = "short_text", "Short text"
    LONG_TEXT = "long_text", "Long text"
    CHOICE = "choice", "One of several"
    CHOICES = "choices", "Several of several"
    NUMBER = "number", "Number"
    URL = "url", "Web address"
    COUNTRY = "country", "Country"
    FILE = "file", "File (PDF)"
    CONSENT = "consent", "Consent"


# The kinds that offer a list to choose from.
LISTED = frozenset({QuestionKind.CHOICE, QuestionKind.CHOICES})


class Question(models.Model):
    """One question of a programme's form."""

    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, related_name="questions")
    position = models.PositiveSmallIntegerField()
    code = models.SlugField(max_length=50)
    kind = models.CharField(max_length=20, choices=QuestionKind)
    label = models.CharField(max_length=200)
    help_text = models.CharField(max_length=500, blank=True)
    is_required = models.BooleanField(default=True)
    choices = models.JSONField(
        default=list, blank=True, help_text="A list of labels, for one or several of them."
    )
    shown_if_code = models.SlugField(
        "asked only after", max_length=50, blank=True, help_text="The code of an earlier question."
    )
    shown_if_answer = models.CharField(
        "if it was answered", max_length=200, blank=True, help_text="Word by word; “yes” for a consent."
    )

    # The type that the Hub knows it by, and the values of its options, since the portal has no room for them.
    hub_field = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        verbose_name = "question"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "code"], name="one_question_a_code"),
            models.CheckConstraint(
                condition=models.Q(shown_if_code="", shown_if_answer="")
                | ~models.Q(shown_if_code="") & ~models.Q(shown_if_answer=""),
                name="question_shown_if_both_or_neither",
                violation_error_message="Name the earlier question and its answer, or neither.",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    def wording(self) -> dict[str, Any]:
        """The question as it stands now, in plain JSON; a consent takes along what is agreed to."""
        worded: dict[str, Any] = {
            "code": self.code,
            "kind": self.kind,
            "label": self.label,
            "help_text": self.help_text,
            "is_required": self.is_required,
            "choices": self.choices,
        }
        if self.shown_if_code:
            worded["shown_if"] = {"code": self.shown_if_code, "answer": self.shown_if_answer}
        if self.kind == QuestionKind.CONSENT:
            worded["agreed_to"] = self.programme.use_policy
        return worded

    def is_shown(self, answers: Mapping[str, Any]) -> bool:
        """Whether its condition holds, given the answers to the questions that are shown before it."""
        if not self.shown_if_code:
            return True
        answer = answers.get(self.shown_if_code)
        if isinstance(answer, bool):
            return (self.shown_if_answer == "yes") is answer
        return self.shown_if_answer in (answer if isinstance(answer, list) else [str(answer or "")])


def asked_of(questions: Iterable[Question], answers: Mapping[str, Any]) -> list[Question]:
    """Those of `questions` that are asked after `answers`; one that depends on an unasked one is not."""
    asked: list[Question] = []
    known: dict[str, Any] = {}
    for question in questions:
        if question.is_shown(known):
            asked.append(question)
            known[question.code] = answers.get(question.code)
    return asked
