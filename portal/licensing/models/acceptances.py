"""The record of every acceptance, and its receipt."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.crypto import get_random_string

from portal.accounts.models import User
from portal.licensing.models.licences import LicenceVersion, Reacceptance

# No vowels and no look-alikes: references are read out loud and must not spell words.
REFERENCE_ALPHABET = "23456789BCDFGHJKMNPQRTVWXZ"
# Staff with any of these may read everybody's receipts.
READ_ALL = ("licensing.publish_licence", "ledger.view_entry")


def new_reference() -> str:
    """A fresh public reference such as `LIC-7KQ2MX9DBC4T` (about 56 bits)."""
    return f"LIC-{get_random_string(12, REFERENCE_ALPHABET)}"


class AcceptanceQuerySet(models.QuerySet["Acceptance"]):
    """Questions about many acceptances."""

    def visible_to(self, user: User | AnonymousUser) -> "AcceptanceQuerySet":
        """Those whose receipt `user` may read: their own, and for some staff everybody's."""
        if not isinstance(user, User):
            return self.none()
        if user.is_staff and any(user.has_perm(permission) for permission in READ_ALL):
            return self.all()
        return self.filter(user=user)

    def counting(self, *, at: datetime | None = None) -> "AcceptanceQuerySet":
        """Those that open their licence's gate at `at` (None: now).

        That is: no later version asks again for what was accepted, or its days of grace are not over.
        `portal.licensing.standing` says the same of one person in Python.
        """
        moment = at or timezone.now()
        later = Q(published_at__gt=OuterRef("version__published_at")) | Q(
            published_at=OuterRef("version__published_at"), pk__gt=OuterRef("version_id")
        )
        is_before_named = Q(reacceptance_before__published_at__gt=OuterRef("version__published_at")) | Q(
            reacceptance_before__published_at=OuterRef("version__published_at"),
            reacceptance_before_id__gt=OuterRef("version_id"),
        )
        asks = Q(reacceptance=Reacceptance.EVERYBODY) | (
            Q(reacceptance=Reacceptance.BEFORE) & is_before_named
        )
        newer = LicenceVersion.objects.filter(later, published_at__lte=moment)
        ended = (
            newer.filter(asks, licence=OuterRef("version__licence"))
            .annotate(stops_at=Coalesce("grace_ends_at", "published_at"))
            .filter(stops_at__lte=moment)
        )
        return self.filter(~Exists(ended), version__published_at__lte=moment)


class Acceptance(models.Model):
    """That a person accepted exactly this text: who, which version by SHA-256, when, from where.

    The receipt is a signed statement of it. Where the key was away at the time, or the acceptance is older
    than receipts are, it is signed when it is first asked for, and then never again.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="acceptances")
    version = models.ForeignKey(LicenceVersion, on_delete=models.PROTECT, related_name="acceptances")
    reference = models.CharField(max_length=16, unique=True, default=new_reference, editable=False)
    sha256 = models.CharField(max_length=64)
    accepted_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    client = models.CharField("user agent", max_length=200, blank=True)
    person_name = models.CharField("name", max_length=254, blank=True, help_text="As at acceptance.")
    person_email = models.CharField("e-mail", max_length=254, blank=True, help_text="As at acceptance.")
    statement = models.TextField(blank=True, editable=False, help_text="The very text that is signed.")
    signature = models.CharField(max_length=100, blank=True, editable=False)
    key_id = models.CharField(max_length=64, blank=True, editable=False)

    objects = AcceptanceQuerySet.as_manager()

    class Meta:
        verbose_name = "licence acceptance"
        constraints = [
            models.UniqueConstraint(fields=["user", "version"], name="accepted_once_a_version"),
        ]

    def __str__(self) -> str:
        return f"{self.user} accepted {self.version}"

    def get_absolute_url(self) -> str:
        """The page of its receipt."""
        return f"/licences/receipts/{self.reference}/"
