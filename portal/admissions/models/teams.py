"""Teams: an approved lead, and the people whom they invite into the seats that a reviewer granted."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.models.applications import Application, ApplicationQuerySet, ApplicationStatus
from portal.common.transitions import Moves


def team_expiry() -> datetime:
    """Until when an invitation that is sent now can be accepted."""
    return timezone.now() + timedelta(days=settings.TEAM_INVITATION_DAYS)


class TeamQuerySet(models.QuerySet["Team"]):
    """Questions about many teams."""

    def led_by(self, user: AbstractBaseUser) -> Self:
        """Those whose application is the person's own and was approved, also where that has ended since."""
        approved_once = (ApplicationStatus.APPROVED, ApplicationStatus.REVOKED)
        return self.filter(application__applicant_id=user.pk, application__status__in=approved_once)


class Team(models.Model):
    """What a lead asked for with their application, and how many seats a reviewer granted.

    Its members have access exactly while `application` is approved. The lead needs no seat.
    """

    application = models.OneToOneField(Application, on_delete=models.CASCADE, related_name="team")
    name = models.CharField(max_length=120, help_text="The organisation.")
    seats_wanted = models.PositiveSmallIntegerField(default=0, editable=False)
    seats = models.PositiveSmallIntegerField(default=0, editable=False, help_text="Granted by a reviewer.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = TeamQuerySet.as_manager()

    class Meta:
        verbose_name = "team"

    def __str__(self) -> str:
        # Not its name, which the applicant may have deleted, while the ledger keeps this for ever.
        return f"Team of {self.application.reference}"

    def get_absolute_url(self) -> str:
        """Where its lead runs it."""
        return f"{self.application.get_absolute_url()}team/"

    @property
    def lead(self) -> User:
        """Who answers for it."""
        return self.application.applicant

    @property
    def is_approved(self) -> bool:
        """Whether its members have access at present."""
        return self.application.status == ApplicationStatus.APPROVED


class InvitationStatus(models.TextChoices):
    """Where an invitation to a team stands; whether an open one has expired is computed."""

    INVITED = "invited", "Invited"
    ACCEPTED = "accepted", "Accepted"
    REVOKED = "revoked", "Revoked"
    REMOVED = "removed", "Removed"
    LEFT = "left", "Left"


_I = InvitationStatus
INVITATION_MOVES: Moves = {
    # From invited to invited when it is sent again.
    _I.INVITED: frozenset({_I.INVITED, _I.ACCEPTED, _I.REVOKED}),
    _I.ACCEPTED: frozenset({_I.REMOVED, _I.LEFT}),
}


class TeamInvitationQuerySet(models.QuerySet["TeamInvitation"]):
    """Questions about many invitations."""

    def memberships(self) -> Self:
        """Those that were accepted and stand."""
        return self.filter(status=_I.ACCEPTED)

    def sent(self) -> Self:
        """Those that nobody has answered or taken back, expired or not."""
        return self.filter(status=_I.INVITED)

    def holding_a_seat(self, *, at: datetime) -> Self:
        """Members, and invitations that can still be accepted at `at`."""
        return self.filter(models.Q(status=_I.ACCEPTED) | models.Q(status=_I.INVITED, expires_at__gt=at))


class TeamInvitation(models.Model):
    """One address invited to a team; once accepted it is the membership."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(help_text="In lower case.")
    token_hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256.")
    status = models.CharField(max_length=10, choices=InvitationStatus, default=_I.INVITED, editable=False)
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(default=team_expiry)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="team_memberships"
    )
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    is_barred = models.BooleanField(
        default=False, editable=False, help_text="Staff removed the member, so no lead lets them in again."
    )

    objects = TeamInvitationQuerySet.as_manager()

    class Meta:
        verbose_name = "invitation to a team"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="team_invitation_in_lower_case"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["invited", "revoked"], accepted_by__isnull=True)
                | models.Q(status__in=["accepted", "removed", "left"], accepted_by__isnull=False),
                name="team_membership_is_somebodys",
            ),
            models.UniqueConstraint(
                fields=["team", "email"],
                condition=models.Q(status__in=["invited", "accepted"]),
                name="one_open_invitation_an_address",
            ),
            models.UniqueConstraint(
                fields=["team", "accepted_by"],
                condition=models.Q(status="accepted"),
                name="one_membership_a_person",
            ),
        ]
        # For the gates, which ask it of everybody at every door.
        indexes = [
            models.Index(
                fields=["accepted_by", "team"],
                name="memberships_by_person",
                condition=models.Q(status="accepted"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} in {self.team}"

    @property
    def has_expired(self) -> bool:
        """Whether it waits for an answer in vain."""
        return self.status == _I.INVITED and self.expires_at <= timezone.now()

    @property
    def state(self) -> str:
        """Its status, or `expired`."""
        return "expired" if self.has_expired else self.status


def applications_counting_for(user_id: int) -> ApplicationQuerySet:
    """A person's own applications, and those of the teams they are a member of, whatever their states."""
    own = Application.objects.filter(applicant=user_id)
    of_teams = TeamInvitation.objects.memberships().filter(accepted_by=user_id)
    # A union, for with OR in its place PostgreSQL reads every application.
    either = own.order_by().values("pk").union(of_teams.order_by().values("team__application"))
    return Application.objects.filter(pk__in=either)


def approvals_of(user_id: int) -> ApplicationQuerySet:
    """The approved applications on whose strength a person has access: their own, and their teams'."""
    return applications_counting_for(user_id).filter(status=ApplicationStatus.APPROVED)
