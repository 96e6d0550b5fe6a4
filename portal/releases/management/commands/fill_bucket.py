"""`manage.py fill_bucket`: copies every stored blob that is missing there into WEIGHTS_BUCKET."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from portal.common.refusals import Refusal
from portal.releases import bucket
from portal.releases.models import Blob


class Command(BaseCommand):
    """Send what was imported before there was a bucket; may be stopped and run again at any time."""

    help = "Copy every stored weight file that object storage does not have yet into WEIGHTS_BUCKET."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line a blob that was sent; exit 1 at the first that cannot be."""
        if not settings.WEIGHTS_BUCKET:
            raise CommandError("There is no WEIGHTS_BUCKET. Set it to s3://bucket/prefix.")
        sent = 0
        blobs = Blob.objects.filter(damaged_at=None)
        for blob in blobs:
            try:
                is_new = bucket.upload(blob.sha256)
            except Refusal as refusal:
                raise CommandError(refusal.sentence) from refusal
            except FileNotFoundError as error:
                raise CommandError(f"The store has lost {blob.sha256}. Run manage.py scrub --all.") from error
            if is_new:
                size = filesizeformat(blob.size_bytes).replace("\xa0", " ")
                self.stdout.write(f"{blob.sha256} {size}")
            sent += is_new
        self.stdout.write(self.style.SUCCESS(f"Sent: {sent}. There already: {len(blobs) - sent}."))
