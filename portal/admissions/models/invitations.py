"""How staff let known people in: invitations that approve an address beforehand, and referral codes."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import get_random_string

from portal.admissions.models.applications import REFERENCE_ALPHABET, Application
from portal.admissions.models.programmes import Programme
from portal.common.transitions import Moves

CODE_CHARACTERS = 8


def new_code() -> str:
    """A referral code that can be read out."""
    return get_random_string(CODE_CHARACTERS, REFERENCE_ALPHABET)


class PreApprovalStatus(models.TextChoices):
    """Where an invitation of the staff's stands; whether an open one has expired is computed."""

    SENT = "sent", "Sent"
    USED = "used", "Used"
    REVOKED = "revoked", "Revoked"


_P = PreApprovalStatus
PRE_APPROVAL_MOVES: Moves = {_P.SENT: frozenset({_P.USED, _P.REVOKED})}


class PreApprovalQuerySet(models.QuerySet["PreApproval"]):
    """Questions about many."""

    def usable(self, *, at: datetime | None = None) -> Self:
        """Those that still approve whoever holds their address."""
        return self.filter(status=_P.SENT, expires_at__gt=at or timezone.now())

    def newest_first(self) -> Self:
        """In the order in which staff look for them."""
        return self.order_by("-pk")


class PreApproval(models.Model):
    """An address whose holder a member of staff has approved before they applied."""

    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, related_name="pre_approvals")
    email = models.EmailField(help_text="In lower case.")
    note = models.CharField(max_length=300, blank=True, help_text="For the staff.")
    token_hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256.")
    status = models.CharField(max_length=10, choices=PreApprovalStatus, default=_P.SENT, editable=False)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    application = models.OneToOneField(
        Application, null=True, editable=False, on_delete=models.SET_NULL, related_name="pre_approval"
    )

    objects = PreApprovalQuerySet.as_manager()

    class Meta:
        verbose_name = "invitation"
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="invitation_in_lower_case"),
            models.UniqueConstraint(
                fields=["programme", "email"],
                condition=models.Q(status="sent"),
                name="one_open_invitation_a_programme",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.programme}"

    @property
    def state(self) -> str:
        """Its status, or `expired`."""
        return "expired" if self.status == _P.SENT and self.expires_at <= timezone.now() else self.status


class ReferralCode(models.Model):
    """A code that people bring along to a programme."""

    code = models.CharField(max_length=CODE_CHARACTERS, unique=True, default=new_code, editable=False)
    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, related_name="referral_codes")
    note = models.CharField(max_length=300, blank=True, help_text="For the staff: who hands it out.")
    is_pre_approving = models.BooleanField(default=False)
    uses_max = models.PositiveIntegerField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, editable=False)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "referral code"

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        """What whoever hands it out sends to people."""
        return f"{self.programme.get_absolute_url()}?code={self.code}"

    @property
    def state(self) -> str:
        """Revoked, expired or active; how many have used it is another matter."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at <= timezone.now() else "active"


class Referral(models.Model):
    """One application that came with a code."""

    code = models.ForeignKey(ReferralCode, on_delete=models.PROTECT, related_name="referrals")
    application = models.OneToOneField(Application, on_delete=models.CASCADE, related_name="referral")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "referral"

    def __str__(self) -> str:
        return f"{self.application} by {self.code}"
