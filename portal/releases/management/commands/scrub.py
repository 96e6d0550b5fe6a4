"""`manage.py scrub`: reads stored weights again now, and says what is damaged."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import F
from django.template.defaultfilters import filesizeformat

from portal.releases import scrubbing
from portal.releases.models import Blob
from portal.releases.rereading import StoreAway


class Command(BaseCommand):
    """Check stored bytes in this process, at WEIGHTS_SCRUB_BYTES_PER_SECOND."""

    help = (
        "Read stored weight files again: by default those that are out of service. "
        "Damaged ones go out of service, whole ones back into it; nothing is deleted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which blobs are read."""
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--sha256", action="append", default=[], help="only this one; may be repeated")
        which.add_argument("--all", action="store_true", help="the whole store, the longest unread first")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line a blob; exit 1 when any is damaged."""
        blobs = self._chosen(options["sha256"], whole_store=options["all"])
        damaged = 0
        for blob in blobs:
            try:
                found = scrubbing.check(blob)
            except StoreAway as refusal:
                raise CommandError(refusal.sentence) from refusal
            size = filesizeformat(blob.size_bytes).replace("\xa0", " ")
            self.stdout.write(f"{blob.sha256} {size}: {found or 'whole'}")
            damaged += bool(found)
        if damaged:
            raise CommandError(f"Damaged and out of service: {damaged} of {len(blobs)}.")
        self.stdout.write(self.style.SUCCESS(f"Whole: {len(blobs)}."))

    def _chosen(self, hashes: list[str], *, whole_store: bool) -> list[Blob]:
        if whole_store:
            return list(Blob.objects.order_by(F("scrubbed_at").asc(nulls_first=True), "pk"))
        if not hashes:
            return list(Blob.objects.out_of_service())
        blobs = list(Blob.objects.filter(pk__in=hashes))
        if unknown := set(hashes) - {blob.sha256 for blob in blobs}:
            raise CommandError(f"The store knows nothing of {', '.join(sorted(unknown))}.")
        return blobs
