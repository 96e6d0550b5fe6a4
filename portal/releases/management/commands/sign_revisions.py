"""`manage.py sign_revisions`: signs for every revision that has no signature, or an older key's."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.common.refusals import Refusal
from portal.releases import signing
from portal.releases.models import Revision


class Command(BaseCommand):
    """Sign for revisions now, in this process."""

    help = "Sign for every revision that nobody has signed for yet. No weights are read."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether the signatures of older keys are replaced."""
        parser.add_argument(
            "--again",
            action="store_true",
            help="also replace the signatures of other keys, as after one was stolen",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line a revision; fail with one sentence when there is no key."""
        revisions = Revision.objects.select_related("release").order_by("pk")
        if not options["again"]:
            revisions = revisions.filter(manifest=None)
        count = 0
        for revision in revisions:
            try:
                manifest = signing.sign(revision)
            except Refusal as refusal:
                raise CommandError(refusal.sentence) from refusal
            self.stdout.write(f"{revision} signed by {manifest.key_id[:16]}")
            count += 1
        self.stdout.write(self.style.SUCCESS(f"Signed: {count}."))
