"""Programmes with their questions, applications, and what happened to each."""

from dataclasses import dataclass
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.crypto import get_random_string

from portal.admissions import countries
from portal.common.transitions import Moves
from portal.ledger.verbs import Verb
from portal.releases.models import Release

# No vowels and no look-alikes: references are read out loud and must not spell words.
REFERENCE_ALPHABET = "23456789BCDFGHJKMNPQRTVWXZ"


class Programme(models.Model):
    """What people apply to, and the releases that an approval opens."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    summary = models.CharField(max_length=300, blank=True)
    description = models.TextField(blank=True, help_text="Markdown.")
    use_policy = models.TextField(blank=True, help_text="Markdown. What applicants agree to.")
    # Closed until `actions.open_programme` opens it, so that the ledger knows since when.
    is_open = models.BooleanField("takes applications", default=False, editable=False)
    releases = models.ManyToManyField(Release, related_name="programmes", blank=True)

    class Meta:
        verbose_name = "programme"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Where people apply."""
        return f"/apply/{self.slug}/"


class QuestionKind(models.TextChoices):
    """What kind of answer a question takes."""

    SHORT_TEXT = "short_text", "Short text"
    LONG_TEXT = "long_text", "Long text"
    CHOICE = "choice", "One of several"
    COUNTRY = "country", "Country"
    CONSENT = "consent", "Consent"


class Question(models.Model):
    """One question of a programme's form."""

    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, related_name="questions")
    position = models.PositiveSmallIntegerField()
    code = models.SlugField(max_length=50)
    kind = models.CharField(max_length=20, choices=QuestionKind)
    label = models.CharField(max_length=200)
    help_text = models.CharField(max_length=500, blank=True)
    is_required = models.BooleanField(default=True)
    choices = models.JSONField(default=list, blank=True, help_text="A list of labels, for one of several.")

    class Meta:
        verbose_name = "question"
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["programme", "code"], name="one_question_a_code")]

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
        if self.kind == QuestionKind.CONSENT:
            worded["agreed_to"] = self.programme.use_policy
        return worded


class ApplicationStatus(models.TextChoices):
    """Where an application stands."""

    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    IN_REVIEW = "in_review", "In review"
    INFORMATION_REQUESTED = "information_requested", "Information requested"
    APPROVED = "approved", "Approved"
    WAITLISTED = "waitlisted", "Waitlisted"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    REVOKED = "revoked", "Revoked"


_S = ApplicationStatus
APPLICATION_MOVES: Moves = {
    _S.DRAFT: frozenset({_S.SUBMITTED, _S.WITHDRAWN}),
    _S.SUBMITTED: frozenset({_S.IN_REVIEW, _S.WITHDRAWN}),
    _S.IN_REVIEW: frozenset(
        {_S.INFORMATION_REQUESTED, _S.APPROVED, _S.WAITLISTED, _S.DECLINED, _S.WITHDRAWN}
    ),
    _S.INFORMATION_REQUESTED: frozenset({_S.IN_REVIEW, _S.WITHDRAWN}),
    _S.WAITLISTED: frozenset({_S.APPROVED, _S.DECLINED, _S.WITHDRAWN}),
    _S.APPROVED: frozenset({_S.REVOKED}),
}
# The states in which the applicant may still withdraw.
OPEN_STATUSES = frozenset(state for state, onward in APPLICATION_MOVES.items() if _S.WITHDRAWN in onward)
# The states after which one may apply again.
ENDED_STATUSES = frozenset({_S.DECLINED, _S.WITHDRAWN, _S.REVOKED})
# The states in which it is a reviewer's turn.
WAITING_STATUSES = frozenset({_S.SUBMITTED, _S.IN_REVIEW})


class ApplicationQuerySet(models.QuerySet["Application"]):
    """Questions about many applications."""

    def awaiting_review(self) -> Self:
        """Those that a reviewer should look at, oldest first."""
        return self.filter(status__in=WAITING_STATUSES).order_by("submitted_at", "pk")

    def approved_for(self, release: Release) -> Self:
        """The approved ones whose programme opens `release`."""
        return self.filter(status=_S.APPROVED, programme__releases=release)

    def visible_to(self, user: AbstractBaseUser) -> Self:
        """A person's own."""
        return self.filter(applicant_id=user.pk)

    def newest_first(self) -> Self:
        """The one that counts first: nobody has a second one before the first has ended."""
        return self.order_by("-created_at", "-pk")

    def live(self) -> Self:
        """Those that have not ended; one a person and programme at most."""
        return self.exclude(status__in=ENDED_STATUSES)

    def received(self) -> Self:
        """Those that were submitted; what is still a draft is the applicant's own business."""
        return self.filter(submitted_at__isnull=False)

    def matching(self, text: str) -> Self:
        """Those whose reference, applicant's name or address, or answers contain `text` ("" for all)."""
        if not text:
            return self
        # The values only: "country" is in the keys of every application.
        values = models.Func("answers", template="jsonb_path_query_array(%(expressions)s, '$.*')")
        return self.annotate(answer_text=Cast(values, models.TextField())).filter(
            models.Q(reference__icontains=text)
            | models.Q(applicant__email__icontains=text)
            | models.Q(applicant__full_name__icontains=text)
            | models.Q(answer_text__icontains=text)
        )

    def count_by_status(self) -> dict[str, int]:
        """How many there are in each state; a state without any is left out. One query."""
        counted = self.order_by().values_list("status").annotate(number=models.Count("pk"))
        return dict(counted)


@dataclass(frozen=True)
class Answer:
    """One question as it was asked, and what was answered, in words."""

    code: str
    kind: str
    label: str
    text: str


def new_reference() -> str:
    """A fresh public reference such as `REQ-7KQ2MX9D` (about 37 bits)."""
    return f"REQ-{get_random_string(8, REFERENCE_ALPHABET)}"


class Application(models.Model):
    """One person's application to one programme."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="applications")
    applicant = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="applications"
    )
    reference = models.CharField(max_length=12, unique=True, default=new_reference, editable=False)
    status = models.CharField(max_length=30, choices=ApplicationStatus, default=_S.DRAFT, editable=False)
    answers = models.JSONField(default=dict, help_text="Question code to answer.")
    asked = models.JSONField(default=list, help_text="The questions as they stood at submission.")
    created_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="decided_applications"
    )

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = "application"
        permissions = [("review_application", "Can review applications")]
        constraints = [
            # One may apply again after withdrawing, a decline or a revocation, but never twice at once.
            models.UniqueConstraint(
                fields=["programme", "applicant"],
                condition=~models.Q(status__in=["withdrawn", "declined", "revoked"]),
                name="one_live_application_a_programme",
            ),
        ]
        indexes = [models.Index(fields=["status", "submitted_at"], name="application_queue")]

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        """Where its applicant follows it."""
        return f"/apply/{self.programme.slug}/{self.reference}/"

    @property
    def is_draft(self) -> bool:
        """Whether it is still being written."""
        return self.status == _S.DRAFT

    @property
    def is_open(self) -> bool:
        """Whether its applicant may still withdraw it."""
        return self.status in OPEN_STATUSES

    @property
    def has_ended(self) -> bool:
        """Whether its applicant may apply again."""
        return self.status in ENDED_STATUSES

    def may_become(self, status: str) -> bool:
        """Whether a reviewer may bring it to `status`, taking it into review on the way if need be."""
        onward = APPLICATION_MOVES.get(self.status, frozenset())
        return status in onward or (_S.IN_REVIEW in onward and status in APPLICATION_MOVES[_S.IN_REVIEW])

    def answered(self) -> list[Answer]:
        """The answers with the wording of their questions as it was at submission."""
        return [
            Answer(asked["code"], asked["kind"], asked["label"], _in_words(asked, self.answers))
            for asked in self.asked
        ]


def _in_words(asked: dict[str, Any], answers: dict[str, Any]) -> str:
    answer = answers.get(asked["code"])
    if asked["kind"] == QuestionKind.CONSENT:
        return "Agreed" if answer else "Not agreed"
    if asked["kind"] == QuestionKind.COUNTRY:
        return countries.name_of(str(answer or ""))
    return str(answer or "")


class Note(models.Model):
    """One line of an application's timeline: a step, a message, or both."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    status = models.CharField(max_length=30, choices=ApplicationStatus)
    verb = models.CharField(max_length=60, help_text="The ledger's word for the step.")
    message = models.TextField(blank=True)

    class Meta:
        verbose_name = "timeline entry"
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.title}, {self.at:%-d %B %Y at %H:%M} UTC"

    @property
    def title(self) -> str:
        """What happened, in words."""
        return str(Verb(self.verb).label)
