"""Applications, their states, and what happened to each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector, SearchVectorField
from django.db import connection, models
from django.utils import timezone
from django.utils.crypto import get_random_string

from portal.admissions import addresses, countries, reasons, searching
from portal.admissions.models.programmes import Programme
from portal.admissions.models.questions import LISTED, QuestionKind
from portal.admissions.reasons import DeclineReason
from portal.common.transitions import Moves
from portal.ledger.verbs import Verb
from portal.releases.models import Release

# No vowels and no look-alikes: references are read out loud and must not spell words.
REFERENCE_ALPHABET = "23456789BCDFGHJKMNPQRTVWXZ"


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
    # By the applicant's appeal alone, once.
    _S.DECLINED: frozenset({_S.IN_REVIEW}),
}
# The states in which the applicant may still withdraw.
OPEN_STATUSES = frozenset(state for state, onward in APPLICATION_MOVES.items() if _S.WITHDRAWN in onward)
# The states after which one may apply again.
ENDED_STATUSES = frozenset({_S.DECLINED, _S.WITHDRAWN, _S.REVOKED})
# The states in which an appeal is still to be decided.
APPEAL_STATUSES = frozenset({_S.IN_REVIEW, _S.INFORMATION_REQUESTED})
# The states in which the applicant may still give other answers.
CORRECTABLE_STATUSES = frozenset({_S.SUBMITTED, _S.IN_REVIEW, _S.INFORMATION_REQUESTED, _S.WAITLISTED})
# The states in which it is a reviewer's turn.
WAITING_STATUSES = frozenset({_S.SUBMITTED, _S.IN_REVIEW})


class ApplicationQuerySet(models.QuerySet["Application"]):
    """Questions about many applications."""

    def awaiting_review(self) -> Self:
        """Those that a reviewer should look at, oldest first."""
        return self.filter(status__in=WAITING_STATUSES).order_by("submitted_at", "pk")

    def with_seats_proposed(self) -> Self:
        """The approved ones for whose team a reviewer proposes more seats, so that another must look."""
        proposed = self.filter(
            status=_S.APPROVED, proposal__isnull=False, programme__needs_second_reviewer=True
        )
        return proposed.select_related("proposal__by").order_by("proposal__at", "pk")

    def taken_by(self, user: AbstractBaseUser) -> Self:
        """Those that a reviewer has."""
        holds = models.Q(claimed_until=None) | models.Q(claimed_until__gt=timezone.now())
        return self.filter(holds, assignee_id=user.pk)

    def not_taken(self) -> Self:
        """Those that no reviewer has; a claim that has ended counts for nothing."""
        return self.filter(models.Q(assignee=None) | models.Q(claimed_until__lte=timezone.now()))

    def answered_with(self, token: str) -> Self:
        """Those in which a choice was made; `portal.admissions.searching.answer_token` tells its token."""
        return self.filter(words=SearchQuery(token, config="simple"))

    def due(self, *, before: datetime) -> Self:
        """Those that wait for the first decision, which is promised for before then."""
        return self.filter(status__in=WAITING_STATUSES, first_decided_at=None, due_at__lt=before)

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
        """Those in whose reference, applicant's name or address, or answers all words of `text` stand.

        What was kept at submission is searched, which for a blind one names nobody; the last word may be the
        beginning of one. "" for all.
        """
        if not text.strip():
            return self
        if (wanted := searching.asked_for(text)) is None:
            return self.none()
        return self.filter(words=wanted)

    def before(self, application: "Application") -> Self:
        """Those of the same programme that wait for a reviewer and came first."""
        waiting = self.filter(status__in=WAITING_STATUSES, programme=application.programme_id)
        return waiting.filter(submitted_at__lt=application.submitted_at)

    def count_up_to(self, most: int) -> int:
        """How many there are, and one more than `most` for all beyond. One query that reads no more rows."""
        return self.order_by()[: most + 1].count()

    def count_by_status(self, *, up_to: int) -> dict[str, int]:
        """How many there are in each state, each as `count_up_to` counts. One query."""
        each = [
            self.filter(status=status).order_by().values("pk")[: up_to + 1].query.sql_with_params()
            for status in ApplicationStatus
        ]
        # Django's own SQL, with placeholders for every value.
        counts = ", ".join(f"(SELECT count(*) FROM ({sql}) AS one_state)" for sql, _ in each)  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {counts}", [value for _, given in each for value in given])
            return dict(zip(ApplicationStatus.values, cursor.fetchone(), strict=True))


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
    country = models.CharField(max_length=2, blank=True, editable=False, help_text="As answered.")
    search_words = models.TextField(blank=True, editable=False, help_text="What the review queue searches.")
    words = models.GeneratedField(
        expression=SearchVector("search_words", config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    created_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, editable=False, help_text="When the first decision is promised.")
    first_decided_at = models.DateTimeField(null=True, editable=False)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="decided_applications"
    )
    decline_reason = models.CharField(max_length=20, choices=DeclineReason, blank=True, editable=False)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="assigned_applications",
        help_text="The reviewer who has it.",
    )
    claimed_until = models.DateTimeField(
        null=True, editable=False, help_text="When a claim ends; empty for an assignment, which stays."
    )
    score = models.FloatField(
        null=True, editable=False, help_text="The reviewers' mean; empty while nobody scored."
    )
    unread_at = models.DateTimeField(
        null=True, editable=False, help_text="When the applicant wrote what no reviewer has answered or read."
    )
    erased_at = models.DateTimeField(
        null=True, editable=False, help_text="When the applicant had the words deleted."
    )
    appealed_at = models.DateTimeField(null=True, editable=False)
    appealed_from = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Who declined it, and may not decide on the appeal.",
    )
    normalised_email = models.CharField(max_length=254, blank=True, editable=False)
    organisation_domain = models.CharField(max_length=254, blank=True, editable=False)
    signals = ArrayField(models.CharField(max_length=40), default=list, blank=True, editable=False)
    flag = models.CharField(max_length=120, blank=True, editable=False, help_text="The rule that flagged it.")
    rules_seen = models.ForeignKey(
        "admissions.RuleSet",
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The rules that have looked at it.",
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
        # For the pages of the review queue: each filter finds its rows in the order in which they are shown.
        indexes = [
            models.Index(fields=["status", "submitted_at", "id"], name="applications_by_state"),
            models.Index(
                fields=["submitted_at", "id"],
                name="applications_waiting",
                condition=models.Q(status__in=["submitted", "in_review"]),
            ),
            models.Index(
                fields=["submitted_at", "id"],
                name="applications_received",
                condition=models.Q(submitted_at__isnull=False),
            ),
            models.Index(fields=["country", "submitted_at", "id"], name="applications_by_country"),
            models.Index(fields=["programme", "submitted_at", "id"], name="applications_by_programme"),
            models.Index(
                fields=["due_at", "id"],
                name="applications_due",
                condition=models.Q(status__in=["submitted", "in_review"], first_decided_at=None),
            ),
            models.Index(
                fields=["assignee", "submitted_at", "id"],
                name="applications_by_assignee",
                condition=models.Q(assignee__isnull=False),
            ),
            models.Index(
                fields=["unread_at", "id"],
                name="applications_unread",
                condition=models.Q(unread_at__isnull=False),
            ),
            models.Index(fields=["score", "submitted_at", "id"], name="applications_by_score"),
            models.Index(fields=["programme", "first_decided_at"], name="applications_decided"),
            GinIndex(fields=["words"], name="words_of_applications"),
            GinIndex(fields=["signals"], name="signals_of_applications"),
            models.Index(fields=["normalised_email"], name="applications_by_mailbox"),
            models.Index(fields=["organisation_domain"], name="applications_by_domain"),
            models.Index(
                fields=["submitted_at", "id"], name="applications_flagged", condition=~models.Q(flag="")
            ),
        ]

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
    def is_correctable(self) -> bool:
        """Whether its applicant may still give other answers."""
        return self.status in CORRECTABLE_STATUSES

    @property
    def has_ended(self) -> bool:
        """Whether its applicant may apply again."""
        return self.status in ENDED_STATUSES

    def may_become(self, status: str) -> bool:
        """Whether a reviewer may bring it to `status`, taking it into review on the way if need be."""
        if self.status == _S.DECLINED:
            return False
        onward = APPLICATION_MOVES.get(self.status, frozenset())
        return status in onward or (_S.IN_REVIEW in onward and status in APPLICATION_MOVES[_S.IN_REVIEW])

    @property
    def is_appeal(self) -> bool:
        """Whether it waits for the decision on an appeal."""
        return self.appealed_at is not None and self.status in APPEAL_STATUSES

    @property
    def is_taken(self) -> bool:
        """Whether a reviewer has it, by an assignment or a claim that has not ended."""
        if self.assignee_id is None:
            return False
        return self.claimed_until is None or self.claimed_until > timezone.now()

    @property
    def is_blind(self) -> bool:
        """Whether reviewers do not see who applied: until the first decision of a blind programme."""
        return self.programme.is_blind and self.first_decided_at is None

    def is_hidden_from(self, reviewer: AbstractBaseUser) -> bool:
        """Whether `reviewer` has not had a blind one revealed to them. One query where it is blind."""
        return self.is_blind and not self.reveals.filter(by=reviewer.pk).exists()

    @property
    def is_overdue(self) -> bool:
        """Whether it waits for its first decision longer than was promised."""
        waits = self.status in WAITING_STATUSES and self.first_decided_at is None
        return waits and self.due_at is not None and self.due_at < timezone.now()

    @property
    def is_appealable(self) -> bool:
        """Whether its applicant may still ask for another reviewer's decision."""
        return self.status == _S.DECLINED and self.appealed_at is None and self.erased_at is None

    @property
    def decline_sentence(self) -> str:
        """Why it was declined; "" where only the reviewer's message tells."""
        return reasons.sentence(self.decline_reason)

    @property
    def next_step(self) -> str:
        """What its applicant can do after the decline."""
        return reasons.next_step(self.decline_reason)

    @property
    def may_apply_again_from(self) -> datetime | None:
        """When its applicant may apply again after the decline; None where there is no pause to wait for."""
        if self.status != _S.DECLINED or self.decided_at is None or not self.programme.pause_days:
            return None
        return self.decided_at + timedelta(days=self.programme.pause_days)

    def answered(self) -> list[Answer]:
        """The answers with the wording of their questions as it was at submission."""
        return [
            Answer(asked["code"], asked["kind"], asked["label"], _in_words(asked, self.answers))
            for asked in self.asked
        ]


def facts_kept(
    application: Application, *, answers: dict[str, Any], asked: list[dict[str, Any]]
) -> dict[str, Any]:
    """What is kept beside `answers` as it is handed in: its country, its words, whose mailbox it is from."""
    person = application.applicant
    told = [
        answer.text
        for answer in Application(answers=answers, asked=asked).answered()
        if answer.kind != QuestionKind.CONSENT
    ]
    chosen = [
        searching.answer_token(one["code"], label)
        for one in asked
        if one["kind"] in LISTED
        for label in _as_list(answers.get(one["code"]))
    ]
    codes = [str(answers.get(one["code"]) or "") for one in asked if one["kind"] == QuestionKind.COUNTRY]
    return {
        "country": next(iter(codes), "")[:2],
        "search_words": searching.words_in(
            [application.reference, *([] if application.is_blind else _names_of(person)), *told, *chosen]
        ),
        "normalised_email": addresses.normalised(person.email),
        "organisation_domain": addresses.organisation_domain(person.email),
    }


def facts_shown(application: Application) -> dict[str, Any]:
    """What is kept with the first decision: from then on whoever applied blind is found by name."""
    if not application.is_blind:
        return {}
    names = searching.words_in(_names_of(application.applicant))
    return {"search_words": f"{application.search_words} {names}"}


def _names_of(person: Any) -> list[str]:
    return [person.name, person.email]


def _as_list(answer: Any) -> list[str]:
    return answer if isinstance(answer, list) else [str(answer)] if answer else []


def _in_words(asked: dict[str, Any], answers: dict[str, Any]) -> str:
    answer = answers.get(asked["code"])
    if asked["kind"] == QuestionKind.CONSENT:
        return "Agreed" if answer else "Not agreed"
    if asked["kind"] == QuestionKind.COUNTRY:
        return countries.name_of(str(answer or ""))
    if isinstance(answer, list):
        return ", ".join(answer)
    return str(answer or "")


class Note(models.Model):
    """One line of an application's timeline: a step, a message, or both."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    status = models.CharField(max_length=30, choices=ApplicationStatus)
    verb = models.CharField(max_length=60, help_text="The ledger's word for the step.")
    message = models.TextField(blank=True)
    rule = models.CharField(max_length=120, blank=True, help_text="By which the portal itself took the step.")

    class Meta:
        verbose_name = "timeline entry"
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.title}, {self.at:%-d %B %Y at %H:%M} UTC"

    @property
    def title(self) -> str:
        """What happened, in words."""
        return str(Verb(self.verb).label)
