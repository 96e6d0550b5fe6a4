"""What is added up from downloads, so that no report reads a million of them; and places in logs."""

from typing import Any

from django.conf import settings
from django.db import models

from portal.hub.models.downloads import ClientFamily, Download
from portal.releases.models import Revision, WeightFile


class SpansField(models.Field):
    """A set of bytes, as PostgreSQL's int8multirange; psycopg's Multirange in Python."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002 - Django asks so
        """The type of the column."""
        return "int8multirange"


class Holding(models.Model):
    """What one person has of one file: the union of all the ranges that left to them, over all requests.

    It lacks the downloads that are not counted yet; `portal.hub.holders` reads both.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="holdings")
    file = models.ForeignKey(WeightFile, on_delete=models.PROTECT, related_name="holdings")
    spans = SpansField()
    held_bytes = models.BigIntegerField(help_text="How many bytes the spans hold.")
    request_count = models.IntegerField()
    sent_bytes = models.BigIntegerField(help_text="With what was sent twice.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    last_download = models.ForeignKey(Download, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        verbose_name = "holding"
        constraints = [models.UniqueConstraint(fields=["file", "user"], name="one_holding_a_file_and_person")]

    def __str__(self) -> str:
        return f"{self.user} {self.file}"


class Tally(models.Model):
    """The downloads of one revision on one day by one family of clients, added up."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="tallies")
    day = models.DateField(help_text="UTC.")
    family = models.CharField(max_length=12, choices=ClientFamily)
    request_count = models.IntegerField()
    sent_bytes = models.BigIntegerField()

    class Meta:
        verbose_name = "tally"
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=["revision", "day", "family"], name="one_tally_a_day")]

    def __str__(self) -> str:
        return f"{self.revision} {self.day} {self.family}"


class LogPlace(models.Model):
    """How far a log file was read, and how to see that it is still the same file."""

    path = models.CharField(max_length=500, unique=True)
    inode = models.BigIntegerField(default=0)
    offset = models.BigIntegerField(default=0)
    tail = models.BinaryField(default=bytes, help_text="The last bytes that were read.")

    class Meta:
        verbose_name = "place in a log"
        verbose_name_plural = "places in logs"

    def __str__(self) -> str:
        return f"{self.path} at {self.offset}"
