"""`manage.py seed_demo`: the demonstration data, in development only."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.common.refusals import Refusal
from portal.console.demo import model_server
from portal.console.demo.seeding import seed


class Command(BaseCommand):
    """Seed the demonstration data."""

    help = "Make the demonstration's people, licence, release, programme and events. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file for the model server's key, which `manage.py up` asks for."""
        parser.add_argument(
            "--model-server",
            metavar="FILE",
            type=Path,
            help="Only make the account with which the embedded vLLM downloads its weights, and write "
            "a new key of it to FILE; its earlier keys are revoked.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, or refuse when DEBUG is off: the accounts' password is public."""
        if not settings.DEBUG:
            raise CommandError(
                "seed_demo makes accounts with a public password, so it runs with DEBUG on only."
            )
        if file := options["model_server"]:
            try:
                _write_secret(file, model_server.new_token())
            except (Refusal, OSError) as error:
                raise CommandError(f"The model server got no key: {error}") from error
            self.stdout.write(self.style.SUCCESS("The model server has a new key."))
            return
        seed()
        self.stdout.write(self.style.SUCCESS("The demonstration data is there."))


def _write_secret(file: Path, secret: str) -> None:
    """Write `secret` so that the file is whole at every moment and only its owner can ever read it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{secret}\n")
    draft.replace(file)
