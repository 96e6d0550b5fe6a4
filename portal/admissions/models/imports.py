"""Decisions from a file: what each row came to when it was read."""

import uuid
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils import timezone

from portal.admissions.models.bulk import BulkDecision


class DecisionImportQuerySet(models.QuerySet["DecisionImport"]):
    """Questions about many."""

    def visible_to(self, user: AbstractBaseUser) -> Self:
        """A reviewer's own, as with decisions on many."""
        return self.filter(by_id=user.pk)


class DecisionImport(models.Model):
    """A file as it was read. What can be decided is its decision on many; None where nothing can."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    rows: Any = models.JSONField(default=list, help_text="Line, reference, decision, is_possible and told.")
    bulk = models.OneToOneField(BulkDecision, null=True, on_delete=models.SET_NULL, related_name="read_from")
    created_at = models.DateTimeField(default=timezone.now)

    objects = DecisionImportQuerySet.as_manager()

    class Meta:
        verbose_name = "file of decisions"
        verbose_name_plural = "files of decisions"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.file_name

    def get_absolute_url(self) -> str:
        """Its report."""
        return f"/console/applications/import/{self.pk}/"

    def count_possible(self) -> int:
        """On how many of its rows it can be decided."""
        return sum(row["is_possible"] for row in self.rows)
