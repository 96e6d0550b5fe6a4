"""How far an import is: counted by the threads that read, told to the database by one."""

import threading
import time
from uuid import UUID

from django.utils import timezone

from portal.releases import imports
from portal.releases.models import ImportStatus, WeightImport

# Often enough to look alive, seldom enough to cost nothing.
TELL_EVERY_SECONDS = 0.4
# What the row has room for.
CURRENT_CHARACTERS_MAX = 500


class Stopped(Exception):  # noqa: N818 - somebody else's error is the reason
    """The import has been given up; a thread that still reads for it ends."""


class Progress:
    """The bytes that were read, and the files that are being read; any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: dict[str, None] = {}
        self._done_bytes = 0
        self._is_stopped = False
        self._moved_at = time.monotonic()

    def start(self, path: str) -> None:
        """A file is being read from now on. Raises Stopped."""
        with self._lock:
            self._require_going_on()
            self._paths[path] = None

    def end(self, path: str) -> None:
        """The file is done with."""
        with self._lock:
            self._paths.pop(path, None)

    def add(self, count_bytes: int) -> None:
        """So many bytes more have been read. Raises Stopped."""
        with self._lock:
            self._require_going_on()
            self._done_bytes += count_bytes

    def stir(self, _: int = 0) -> None:
        """Something else has gone forward, such as a copy to object storage. Raises Stopped."""
        with self._lock:
            self._require_going_on()

    def stop(self) -> None:
        """Let the threads end at their next sign of life."""
        with self._lock:
            self._is_stopped = True

    def facts(self) -> tuple[int, list[str]]:
        """The bytes that were read, and the paths that are being read."""
        with self._lock:
            return self._done_bytes, list(self._paths)

    @property
    def silent_seconds(self) -> float:
        """How long ago anything went forward."""
        with self._lock:
            return time.monotonic() - self._moved_at

    def _require_going_on(self) -> None:
        if self._is_stopped:
            raise Stopped
        self._moved_at = time.monotonic()


class Teller:
    """Writes how far the work is to its row, a few times a second at most, and that the worker lives."""

    def __init__(self, work: WeightImport, progress: Progress, *, worker: UUID) -> None:
        self._work_id, self._progress, self._worker = work.pk, progress, worker
        self._told_at = 0.0

    def tell_if_due(self) -> None:
        """Write the row, unless that was done a moment ago. Raises LostClaim."""
        if time.monotonic() - self._told_at >= TELL_EVERY_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Write the row now. Raises LostClaim when another worker has taken the import over."""
        self._told_at = time.monotonic()
        done_bytes, paths = self._progress.facts()
        mine = WeightImport.objects.filter(pk=self._work_id, worker=self._worker, status=ImportStatus.RUNNING)
        if not mine.update(done_bytes=done_bytes, current_path=_in_one(paths), alive_at=timezone.now()):
            raise imports.LostClaim("import_taken_over", "Another worker has taken this import over.")


def _in_one(paths: list[str]) -> str:
    """As many of the paths as fit, a line each: no path holds a line's end."""
    lines, room = [], CURRENT_CHARACTERS_MAX
    for path in paths:
        if len(path) > room:
            break
        lines.append(path)
        room -= len(path) + 1
    return "\n".join(lines)
