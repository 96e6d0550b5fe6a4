"""`manage.py up`: run the whole portal on this machine until Ctrl-C."""

import asyncio
import sys
from typing import Any

from django.core.management.base import BaseCommand

from portal.local.running import Portal
from portal.local.trouble import Trouble


class Command(BaseCommand):
    """Start every part, keep it running, and stop all of them together."""

    help = "Run the whole portal on this machine: web, workers, and what no URL in the environment replaces."
    # The database that the checks want to see is about to be started here.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop; a fault is one sentence and status 1."""
        try:
            asyncio.run(Portal.from_environment().run())
        except Trouble as trouble:
            sys.stderr.write(f"{trouble}\n")
            sys.exit(1)
