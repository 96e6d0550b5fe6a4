"""A prefix of an S3-compatible bucket as a source of weights."""

import hashlib
import io
import time
from collections.abc import Iterator
from typing import Any

from portal.releases import objectstorage
from portal.releases.models import SourceKind
from portal.releases.objectstorage import Place
from portal.releases.paths import ImportRefused, is_hidden
from portal.releases.sources.files import SourceFile, checked

# After a break, until the storage is asked again; the sum bounds how long one read can hang.
WAITS_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)


class Bucket:
    """The objects whose keys begin with one prefix and a slash."""

    kind = SourceKind.BUCKET

    def __init__(self, place: Place) -> None:
        self.place = place

    def list_files(self) -> list[SourceFile]:
        """Every object below the prefix, by its key's rest; hidden ones and folders' markers are left out.

        One request a thousand objects. Raises ImportRefused.
        """
        try:
            return checked(self._listed(), source=str(self.place))
        except objectstorage.failures() as error:
            raise self._refusal(error) from error

    def open(self, file: SourceFile, *, offset: int = 0) -> "ObjectReader":
        """The object as it was listed; a later state of it is refused while it is read."""
        reader = ObjectReader(self, file)
        reader.seek(offset)
        return reader

    def is_unchanged(self, file: SourceFile) -> bool:
        """Whether the object's ETag is still the same. One request."""
        try:
            head = objectstorage.client().head_object(Bucket=self.place.bucket, Key=self.place.key(file.path))
        except objectstorage.failures() as error:
            if objectstorage.is_gone(error):
                return False
            raise self._refusal(error) from error
        return (_etag(head), head["ContentLength"]) == (file.version, file.size_bytes)

    def connect(self, file: SourceFile, offset: int) -> Any:
        """The stream of the object from `offset` on.

        Raises ImportRefused when it is not the one that was listed, and what boto3 raises.
        """
        try:
            answer = objectstorage.client().get_object(
                Bucket=self.place.bucket,
                Key=self.place.key(file.path),
                IfMatch=f'"{file.version}"',
                Range=f"bytes={offset}-",
            )
        except objectstorage.failures() as error:
            if objectstorage.is_gone(error) or objectstorage.has_changed(error):
                raise _changed(file) from error
            if objectstorage.is_passing(error):
                raise
            raise self._refusal(error) from error
        # Not every server heeds If-Match, so what came is looked at as well.
        wanted = f"bytes {offset}-{file.size_bytes - 1}/{file.size_bytes}"
        if (_etag(answer), answer.get("ContentRange")) != (file.version, wanted):
            answer["Body"].close()
            raise _changed(file)
        return answer["Body"]

    def _refusal(self, error: Exception) -> ImportRefused:
        return ImportRefused("bucket", objectstorage.sentence(error, bucket=self.place.bucket))

    def _listed(self) -> Iterator[SourceFile]:
        start = self.place.key("")
        pages = objectstorage.client().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.place.bucket, Prefix=start):
            for found in page.get("Contents", ()):
                path, size_bytes = found["Key"].removeprefix(start), found["Size"]
                is_folder = not path or (path.endswith("/") and not size_bytes)
                if not is_folder and not is_hidden(path):
                    version = _etag(found)
                    yield SourceFile(path, size_bytes, _marker(version), version=version)


class ObjectReader(io.RawIOBase):
    """Reads one object, over as many connections as it takes; each of them gives the same state of it."""

    def __init__(self, bucket: Bucket, file: SourceFile) -> None:
        self.bucket, self.file = bucket, file
        self._position = 0
        self._body: Any = None

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always: the next read asks for another range."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Read on from elsewhere."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.file.size_bytes}[whence]
        if start + offset != self._position:
            self._let_go()
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill as much of `buffer` as the connection has; a broken one is replaced, five times in a row.

        Raises ImportRefused.
        """
        if self._position >= self.file.size_bytes or not len(buffer):
            return 0
        for wait_seconds in (*WAITS_SECONDS, None):
            try:
                return self._read_some(buffer)
            except objectstorage.failures() as error:
                self._let_go()
                if wait_seconds is None:
                    raise self.bucket._refusal(error) from error  # noqa: SLF001 - of this module
                time.sleep(wait_seconds)
        raise AssertionError

    def close(self) -> None:
        """Give up the connection."""
        self._let_go()
        super().close()

    def _read_some(self, buffer: Any) -> int:
        if self._body is None:
            self._body = self.bucket.connect(self.file, self._position)
        count: int = self._body.readinto(buffer)
        self._position += count
        return count

    def _let_go(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None


def _changed(file: SourceFile) -> ImportRefused:
    return ImportRefused(
        "changed", f"{file.path} changed while it was read. Wait until nothing writes to it, and start again."
    )


def _etag(said: Any) -> str:
    # Some servers leave the quotes out in listings.
    return str(said.get("ETag", "")).strip('"')


def _marker(version: str) -> int:
    """The ETag as a number that PostgreSQL can hold."""
    return int.from_bytes(hashlib.sha256(version.encode()).digest()[:8]) >> 1
