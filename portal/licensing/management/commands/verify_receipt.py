"""`manage.py verify_receipt FILE`: says whether a downloaded licence receipt is genuine."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.licensing.receipts import NotGenuine, checked


class Command(BaseCommand):
    """Check the signature of a receipt; needs neither the database nor the network."""

    help = "Exit 0 only if FILE, a licence receipt in JSON, was signed by a key of this portal."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, and a public key when it is not one of those on this machine."""
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--key", metavar="PEM", type=Path, help="The public key; by default those in STATEMENT_KEYS."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what the receipt says. Raises CommandError with the reason when it is not genuine."""
        text = _read(options["file"])
        pem = _read(options["key"]) if options["key"] else ""
        try:
            facts = checked(text, pem=pem)
        except NotGenuine as refusal:
            raise CommandError(f"Not genuine: {refusal.sentence}") from refusal
        person, licence = facts["person"], facts["licence"]
        self.stdout.write(
            f"Genuine: {person['name']} ({person['email']}) accepted {licence['name']} {licence['version']} "
            f"on {facts['accepted_at']}, receipt {facts['reference']} of {facts['portal']}."
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read as text: {error}") from error
