"""Licences and the versions of their texts, with the conditions of each as data."""

import hashlib
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from portal.licensing.spdx import own_identifier, require_spdx

NUMBER = RegexValidator(r"^[0-9][0-9A-Za-z.-]*$", "Begin with a digit and write it like 1.1.")
# A year: what is not urgent before then need not be asked at all.
GRACE_DAYS_MAX = 365
NAME_PART = RegexValidator(r"^[A-Za-z0-9._ -]*$", "Write letters, digits, dots, hyphens and spaces only.")


class Permission(models.TextChoices):
    """What a licence says about one use of the weights."""

    ALLOWED = "allowed", "Allowed"
    CONDITIONS = "conditions", "With conditions"
    FORBIDDEN = "forbidden", "Not allowed"
    REQUIRED = "required", "Required"


class Reacceptance(models.TextChoices):
    """Who must accept again when a version comes into force."""

    EVERYBODY = "everybody", "Everybody"
    NOBODY = "nobody", "Nobody: it is an editorial change"
    BEFORE = "before", "Those who accepted nothing since a version that I name"


class Licence(models.Model):
    """A licence, under one name through all its versions."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)

    class Meta:
        verbose_name = "licence"
        permissions = [("publish_licence", "Can publish a version of a licence")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The licence's page."""
        return f"/licences/{self.slug}/"

    def current_version(self, *, at: datetime | None = None) -> "LicenceVersion | None":
        """The version in force at `at` (None: now), or None before the first is published. One query."""
        return self.versions.published(at=at).first()


class LicenceVersionQuerySet(models.QuerySet["LicenceVersion"]):
    """Questions about many versions."""

    def published(self, *, at: datetime | None = None) -> "LicenceVersionQuerySet":
        """The versions published by `at` (None: now), newest first."""
        return self.filter(published_at__lte=at or timezone.now()).order_by("-published_at", "-pk")

    def announced(self) -> "LicenceVersionQuerySet":
        """The versions that anybody may read: those published, and those that will be; newest first."""
        return self.filter(published_at__isnull=False).order_by("-published_at", "-pk")

    def scheduled(self, *, at: datetime | None = None) -> "LicenceVersionQuerySet":
        """The versions that come into force after `at` (None: now), the next one first."""
        return self.filter(published_at__gt=at or timezone.now()).order_by("published_at", "pk")


class LicenceVersion(models.Model):
    """One text of a licence with its conditions; fixed once it is published or its day is set."""

    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="versions")
    number = models.CharField("version", max_length=20, validators=[NUMBER])
    text = models.TextField("full text", help_text="Markdown. This exact text is what people accept.")
    sha256 = models.CharField(max_length=64, editable=False)
    spdx = models.CharField(
        "SPDX identifier",
        max_length=100,
        blank=True,
        validators=[require_spdx],
        help_text="Such as Apache-2.0, or LicenseRef- and a name. Empty for one made of this licence's.",
    )
    commercial_use = models.CharField(max_length=12, choices=Permission, default=Permission.ALLOWED)
    commercial_use_note = models.CharField(max_length=300, blank=True)
    monthly_users_max = models.PositiveBigIntegerField(
        "monthly users above which a separate licence is needed",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many people use a service in a month. Empty for no such limit.",
    )
    redistribution = models.CharField(max_length=12, choices=Permission, default=Permission.CONDITIONS)
    redistribution_note = models.CharField(max_length=300, blank=True)
    modification = models.CharField(max_length=12, choices=Permission, default=Permission.ALLOWED)
    modification_note = models.CharField(max_length=300, blank=True)
    attribution = models.CharField(max_length=12, choices=Permission, default=Permission.REQUIRED)
    attribution_note = models.CharField(max_length=300, blank=True)
    derivative_prefix = models.CharField(
        "names of derived models begin with",
        max_length=40,
        blank=True,
        validators=[NAME_PART],
        help_text="Empty if they may begin with anything.",
    )
    derivative_suffix = models.CharField(
        "names of derived models end with",
        max_length=40,
        blank=True,
        validators=[NAME_PART],
        help_text="Empty if they may end with anything.",
    )
    use_limits = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    changes = models.TextField(
        "what changed", blank=True, help_text="One paragraph for those who accepted before."
    )
    reacceptance = models.CharField(
        "who must accept again", max_length=10, choices=Reacceptance, default=Reacceptance.EVERYBODY
    )
    reacceptance_before = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="the version that still counts",
        help_text="Only if you name one: who accepted it or a later one need not accept again.",
    )
    grace_days = models.PositiveSmallIntegerField(
        "days of grace",
        default=0,
        validators=[MaxValueValidator(GRACE_DAYS_MAX)],
        help_text="So long an earlier acceptance still opens the releases. 0 to ask at once.",
    )
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    scheduled_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When its day was set; empty if it took effect at once.",
    )
    grace_ends_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When earlier acceptances stop; empty for at once."
    )

    objects = LicenceVersionQuerySet.as_manager()

    class Meta:
        verbose_name = "licence version"
        constraints = [
            models.UniqueConstraint(fields=["licence", "number"], name="one_version_a_number"),
            models.CheckConstraint(
                condition=Q(spdx="") | Q(spdx__regex=r"^[A-Za-z0-9.-]+$"), name="spdx_is_an_identifier"
            ),
            models.CheckConstraint(
                condition=Q(reacceptance="before", reacceptance_before__isnull=False)
                | (~Q(reacceptance="before") & Q(reacceptance_before__isnull=True)),
                name="a_version_is_named_or_not",
            ),
            models.CheckConstraint(
                condition=Q(grace_ends_at__isnull=True) | Q(grace_ends_at__gte=F("published_at")),
                name="grace_follows_publication",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.licence.name} {self.number}"

    def get_absolute_url(self) -> str:
        """The page of this version, which stays readable when a newer one is in force."""
        return f"{self.licence.get_absolute_url()}{self.number}/"

    @property
    def spdx_id(self) -> str:
        """The SPDX identifier: the one that was written, or else one of the licence's own."""
        return self.spdx or own_identifier(self.licence.slug, self.number)

    @property
    def in_force_from(self) -> datetime:
        """When it came or comes into force. Raises ValueError for a draft."""
        if self.published_at is None:
            raise ValueError("A draft has no day on which it comes into force.")
        return self.published_at

    @property
    def stops_earlier_at(self) -> datetime | None:
        """When the acceptances that it does not let count stop counting; None for a draft."""
        return self.grace_ends_at or self.published_at

    def is_scheduled(self, *, at: datetime | None = None) -> bool:
        """Whether it comes into force after `at` (None: now)."""
        return self.published_at is not None and self.published_at > (at or timezone.now())

    def text_sha256(self) -> str:
        """The SHA-256 (hex) of the text's UTF-8 bytes."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def summary(self) -> list[dict[str, str]]:
        """The plain summary: four rows of label, permission code, permission label and note."""
        names = ("commercial_use", "redistribution", "modification", "attribution")
        return [
            {
                "label": name.replace("_", " ").capitalize(),
                "permission": getattr(self, name),
                "permission_label": getattr(self, f"get_{name}_display")(),
                "note": getattr(self, f"{name}_note"),
            }
            for name in names
        ]
