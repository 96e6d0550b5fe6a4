"""`manage.py seed_demo`: the demonstration data, in development only."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.console.demo.seeding import seed


class Command(BaseCommand):
    """Seed the demonstration data."""

    help = "Make the demonstration's people, licence, release, programme and events. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, or refuse when DEBUG is off: the accounts' password is public."""
        if not settings.DEBUG:
            raise CommandError(
                "seed_demo makes accounts with a public password, so it runs with DEBUG on only."
            )
        seed()
        self.stdout.write(self.style.SUCCESS("The demonstration data is there."))
