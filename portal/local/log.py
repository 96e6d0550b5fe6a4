"""One log for all parts: a coloured prefix a part on the terminal, the same lines with the time in a file."""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

# Colours that can be read on light and dark terminals alike, in the order in which parts first speak.
COLOURS = (36, 32, 35, 33, 34, 31, 96, 92)
WIDTH = 9
LARGEST_FILE_BYTES = 10 * 1024**2


class Log:
    """Where every line goes. `file` None keeps none; a line is never lost for want of the file."""

    def __init__(self, file: Path | None = None, *, terminal: IO[str] | None = None) -> None:
        self.terminal = terminal or sys.stdout
        self.has_colour = self.terminal.isatty() and not os.environ.get("NO_COLOR")
        self.colour_of: dict[str, int] = {}
        self.file = _open(file) if file else None

    def line(self, part: str, text: str, *, is_muted: bool = False) -> None:
        """Say `text` in the name of `part`; in the file only when `is_muted`."""
        shown = None if is_muted else f"{self._prefix(part)} {text}"
        self._write(shown, f"{part:<{WIDTH}}| {text}")

    def say(self, text: str) -> None:
        """Say `text` in the portal's own name, without a prefix."""
        self._write(text, text)

    def _prefix(self, part: str) -> str:
        plain = f"{part:<{WIDTH}}|"
        if not self.has_colour:
            return plain
        colour = self.colour_of.setdefault(part, COLOURS[len(self.colour_of) % len(COLOURS)])
        return f"\x1b[{colour}m{plain}\x1b[0m"

    def _write(self, shown: str | None, kept: str) -> None:
        if shown is not None:
            # A terminal that went away must not stop the portal from putting its parts away.
            with suppress(OSError, ValueError):
                self.terminal.write(shown + "\n")
                self.terminal.flush()
        if self.file:
            with suppress(OSError, ValueError):
                self.file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {kept}\n")
                self.file.flush()


def _open(path: Path) -> IO[str] | None:
    """The log file, the former one kept once it has grown large; None where the disk takes no more."""
    with suppress(OSError):
        if path.exists() and path.stat().st_size > LARGEST_FILE_BYTES:
            path.replace(path.with_suffix(".1.log"))
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="replace")
    return None
