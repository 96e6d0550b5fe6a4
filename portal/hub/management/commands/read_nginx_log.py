"""`manage.py read_nginx_log`: record now what left through nginx."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.hub import nginx_log


class Command(BaseCommand):
    """Read the log of downloads from where it was read last."""

    help = "Record how much of each download left through nginx. The beat does the same every five seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        """One optional path."""
        parser.add_argument("path", nargs="?", default=settings.NGINX_DOWNLOAD_LOG)

    def handle(self, *args: Any, **options: Any) -> None:
        """Read to the end."""
        if not options["path"]:
            raise CommandError("Name the log, or set NGINX_DOWNLOAD_LOG.")
        try:
            count = nginx_log.read_new(Path(options["path"]))
        except OSError as error:
            raise CommandError(f"The log cannot be read: {error}") from error
        self.stdout.write(f"{count} download{'' if count == 1 else 's'} ended.")
