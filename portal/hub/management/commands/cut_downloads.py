"""`manage.py cut_downloads`: end the downloads through nginx whose owner's access is over."""

import subprocess
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections

from portal.access.watching import LOOK_EVERY_SECONDS, Watch
from portal.hub.nginx_cutting import SS_TIMEOUT_SECONDS, cut_refused

# What only time changes, such as a key that expires, is looked at this often.
LOOK_ANYWAY_SECONDS = 10.0


class Command(BaseCommand):
    """Watch the ledger, and reset the connections of those who may download no more."""

    help = (
        "End downloads carried by nginx within a second of a revocation. Needs `ss` (iproute2) and the "
        "capability CAP_NET_ADMIN; runs until it is stopped."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until interrupted."""
        _require_ss()
        watch, looked_at = Watch(), 0.0
        self._say("Watching the downloads that nginx carries.")
        try:
            while True:
                try:
                    is_due = time.monotonic() - looked_at >= LOOK_ANYWAY_SECONDS
                    if watch.has_changed() or is_due:
                        looked_at = time.monotonic()
                        self._look()
                except DatabaseError as error:
                    self.stderr.write(f"The database is away: {error}")
                    close_old_connections()
                time.sleep(LOOK_EVERY_SECONDS)
        except KeyboardInterrupt:
            self._say("Stopped.")

    def _look(self) -> None:
        if count := cut_refused():
            self._say(f"Ended {count} download{'s' if count > 1 else ''}.")

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        # A journal reads from a pipe, in which lines would wait for a block to fill.
        self.stdout.flush()


def _require_ss() -> None:
    try:
        subprocess.run(["ss", "--version"], capture_output=True, timeout=SS_TIMEOUT_SECONDS, check=True)  # noqa: S607
    except (OSError, subprocess.SubprocessError) as error:
        raise CommandError("There is no `ss` here. Install iproute2.") from error
