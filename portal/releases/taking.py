"""Taking one file of a source into the store: read, hashed, looked at, and copied to object storage."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from django.conf import settings

from portal.releases import bucket, disks, formats, store
from portal.releases.paths import ImportRefused
from portal.releases.progress import Progress
from portal.releases.sources import Source, SourceFile
from portal.releases.store import Stored


@dataclass(frozen=True)
class Taken:
    """A file that lies in the store by now."""

    stored: Stored
    is_pickle: bool


class Taking:
    """Takes in files of one source; called by several threads at once, and leaves the database alone."""

    def __init__(
        self, source: Source, progress: Progress, *, allows_pickle: bool, damaged: Collection[str]
    ) -> None:
        self.source, self.progress = source, progress
        self.allows_pickle, self.damaged = allows_pickle, damaged

    def look_ahead(self, file: SourceFile) -> None:
        """Look at the first bytes of a file that may be broken. Raises Refusal."""
        with self._at_work(file), self.source.open(file) as opened:
            self._inspect(file, cast("BinaryIO", opened))

    def take(self, file: SourceFile) -> Taken:
        """Copy the file into the store and, where there is one, into the bucket. Raises Refusal."""
        is_pickle = False

        def check(stored: Stored, copy: BinaryIO) -> None:
            nonlocal is_pickle
            self._require_same(file, stored)
            is_pickle = self._inspect(file, copy)

        with self._at_work(file):
            with self.source.open(file) as opened:
                stored = store.take_in(
                    opened,
                    size_bytes=file.size_bytes,
                    on_bytes=self.progress.add,
                    check=check,
                    replacing=self.damaged,
                )
            if settings.WEIGHTS_BUCKET:
                bucket.upload(stored.sha256, on_bytes=self.progress.stir)
        return Taken(stored, is_pickle)

    @contextmanager
    def _at_work(self, file: SourceFile) -> Iterator[None]:
        self.progress.start(file.path)
        try:
            yield
        except OSError as error:
            raise disks.refusal(error, path=file.path, size_bytes=file.size_bytes) from error
        finally:
            self.progress.end(file.path)

    def _inspect(self, file: SourceFile, opened: BinaryIO) -> bool:
        allows_pickle = self.allows_pickle
        return formats.inspect(file.path, opened, size_bytes=file.size_bytes, allows_pickle=allows_pickle)

    def _require_same(self, file: SourceFile, stored: Stored) -> None:
        """Refuse a copy that is not of the file as it was listed."""
        if stored.size_bytes != file.size_bytes or not self.source.is_unchanged(file):
            raise ImportRefused(
                "changed",
                f"{file.path} changed while it was read. Wait until nothing writes to it, and start again.",
            )
        if file.sha256 not in ("", stored.sha256):
            raise ImportRefused(
                "wrong_hash",
                f"{file.path} is damaged: its blob is named {file.sha256[:12]}…, and its SHA-256 is "
                f"{stored.sha256[:12]}…. Delete the blob and download the snapshot again.",
            )
