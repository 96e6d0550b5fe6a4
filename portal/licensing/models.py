"""Licences, their published versions, and the record of every acceptance."""

import hashlib
from datetime import datetime

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

NUMBER = RegexValidator(r"^[0-9][0-9A-Za-z.-]*$", "Begin with a digit and write it like 1.1.")


class Permission(models.TextChoices):
    """What a licence says about one use of the weights."""

    ALLOWED = "allowed", "Allowed"
    CONDITIONS = "conditions", "With conditions"
    FORBIDDEN = "forbidden", "Not allowed"
    REQUIRED = "required", "Required"


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


class LicenceVersion(models.Model):
    """One text of a licence with its plain-language summary; fixed once published."""

    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="versions")
    number = models.CharField("version", max_length=20, validators=[NUMBER])
    text = models.TextField("full text", help_text="Markdown. This exact text is what people accept.")
    sha256 = models.CharField(max_length=64, editable=False)
    commercial_use = models.CharField(max_length=12, choices=Permission, default=Permission.ALLOWED)
    commercial_use_note = models.CharField(max_length=300, blank=True)
    redistribution = models.CharField(max_length=12, choices=Permission, default=Permission.CONDITIONS)
    redistribution_note = models.CharField(max_length=300, blank=True)
    modification = models.CharField(max_length=12, choices=Permission, default=Permission.ALLOWED)
    modification_note = models.CharField(max_length=300, blank=True)
    attribution = models.CharField(max_length=12, choices=Permission, default=Permission.REQUIRED)
    attribution_note = models.CharField(max_length=300, blank=True)
    changes = models.TextField(
        "what changed", blank=True, help_text="One paragraph for those who accepted before."
    )
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = LicenceVersionQuerySet.as_manager()

    class Meta:
        verbose_name = "licence version"
        constraints = [
            models.UniqueConstraint(fields=["licence", "number"], name="one_version_a_number"),
        ]

    def __str__(self) -> str:
        return f"{self.licence.name} {self.number}"

    def get_absolute_url(self) -> str:
        """The page of this version, which stays readable when a newer one is in force."""
        return f"{self.licence.get_absolute_url()}{self.number}/"

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


class Acceptance(models.Model):
    """That a person accepted exactly this text: who, which version by SHA-256, when, from where."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="acceptances")
    version = models.ForeignKey(LicenceVersion, on_delete=models.PROTECT, related_name="acceptances")
    sha256 = models.CharField(max_length=64)
    accepted_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    client = models.CharField("user agent", max_length=200, blank=True)

    class Meta:
        verbose_name = "licence acceptance"
        constraints = [
            models.UniqueConstraint(fields=["user", "version"], name="accepted_once_a_version"),
        ]

    def __str__(self) -> str:
        return f"{self.user} accepted {self.version}"
