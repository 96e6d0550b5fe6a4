"""`manage.py verify_ledger`: exits 0 only if the whole audit chain holds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.ledger.actions import first_break
from portal.ledger.models import Entry


class Command(BaseCommand):
    """Verify the audit chain."""

    help = "Prove that no ledger entry was changed, removed or inserted; name the first bad one otherwise."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the number of entries and the last hash, or fail naming the first bad entry."""
        if broken := first_break():
            raise CommandError(f"The ledger is broken at entry {broken.number}: {broken.reason}.")
        last = Entry.objects.order_by("-number").first()
        tip = f", last hash {last.hash}" if last else ""
        self.stdout.write(self.style.SUCCESS(f"The ledger holds: {last.number if last else 0} entries{tip}."))
