"""The ledger's one table, which PostgreSQL itself keeps append-only."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from django.db import models

from portal.common.prepared import prepared
from portal.ledger.verbs import Verb

FIRST_HASH = "0" * 64


class EntryQuerySet(models.QuerySet["Entry"]):
    """Questions about many entries."""

    def about(self, subject: models.Model) -> "EntryQuerySet":
        """The entries whose subject is `subject`, oldest first."""
        return self.filter(subject_type=subject._meta.label_lower, subject_id=str(subject.pk)).order_by(
            "number"
        )

    def matching(self, *, verb: str = "", text: str = "") -> "EntryQuerySet":
        """The entries with this verb ("" for any) whose actor or subject contains `text`."""
        found = self.filter(verb=verb) if verb else self.all()
        if text:
            named = models.Q(actor_label__icontains=text) | models.Q(subject_label__icontains=text)
            found = found.filter(named)
        return found

    def in_order(self) -> Iterator["Entry"]:
        """Every entry in the order of the chain, read in chunks of 2,000."""
        return self.order_by("number").iterator(chunk_size=2_000)


class Entry(models.Model):
    """One change of state: who did what to what, when, from where, chained to the entry before.

    Names are kept as text beside the ids, since names must outlive their subjects.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    verb = models.CharField(max_length=60)
    actor_id = models.BigIntegerField(null=True, db_index=True)
    actor_label = models.CharField(max_length=254)
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=64)
    subject_label = models.CharField(max_length=254)
    address = models.GenericIPAddressField(null=True)
    data = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = "ledger entry"
        verbose_name_plural = "ledger entries"
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "number"], name="ledger_by_subject"),
            models.Index(fields=["verb", "number"], name="ledger_by_verb"),
            models.Index(fields=["at"], name="ledger_by_time"),
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.verb} {self.subject_label}"

    def get_verb_display(self) -> str:
        """The verb in words. The column has no choices, so that a new verb needs no migration."""
        return str(Verb(self.verb).label) if self.verb in Verb.values else self.verb

    def facts(self) -> dict[str, Any]:
        """All that the entry says and that its hash is of, the hash before it included, in plain JSON."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "verb": str(self.verb),
            "actor": [self.actor_id, self.actor_label],
            "subject": [self.subject_type, self.subject_id, self.subject_label],
            "address": self.address,
            "data": self.data,
            "previous_hash": self.previous_hash,
        }

    def expected_hash(self) -> str:
        """The SHA-256 (hex) of this entry's canonical JSON."""
        canonical = json.dumps(self.facts(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def newest() -> tuple[int, str]:
    """The number and the hash of the last entry, those before the first in an empty ledger. One query."""
    return _newest.first() or (0, FIRST_HASH)


@prepared
def _newest() -> models.QuerySet[Entry, tuple[int, str]]:
    return Entry.objects.order_by("-number").values_list("number", "hash")[:1]
