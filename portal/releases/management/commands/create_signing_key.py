"""`manage.py create_signing_key`: makes the key that signs for revisions."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.common.refusals import Refusal
from portal.releases.signing_keys import create_key


class Command(BaseCommand):
    """Make the signing key."""

    help = (
        "Make the key that signs for revisions, in SIGNING_KEY_FILE; a key that is there is never replaced."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print where the key is, its id and its public half; nothing with --verbosity 0."""
        path = Path(settings.SIGNING_KEY_FILE)
        try:
            key = create_key(path)
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        if not options["verbosity"]:
            return
        self.stdout.write(f"The private key is in {path}. Back it up where nobody else can read it.")
        self.stdout.write(f"Its id is {key.key_id}; the public key, which the portal also publishes:")
        self.stdout.write(key.pem, ending="")
