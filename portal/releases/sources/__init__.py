"""Where weights come from: a directory, a snapshot of the Hub's cache, or a prefix of a bucket."""

from pathlib import Path

from portal.releases import objectstorage
from portal.releases.models import SourceKind
from portal.releases.paths import ImportRefused
from portal.releases.sources.buckets import Bucket
from portal.releases.sources.directories import Directory
from portal.releases.sources.files import FILE_BYTES_MAX, FILES_MAX, Source, SourceFile
from portal.releases.sources.snapshots import Snapshot, in_words, is_repository, is_snapshot, newest_commit

__all__ = [
    "FILES_MAX",
    "FILE_BYTES_MAX",
    "Source",
    "SourceFile",
    "described",
    "detect",
    "open_source",
    "pinned",
]


def detect(source: str) -> SourceKind:
    """What kind of place `source` names, told by its form alone. No I/O.

    >>> detect("s3://models/tiny").label
    'S3 bucket'
    >>> detect("/hub/models--org--tiny").label
    'Hub snapshot'
    """
    if source.startswith(objectstorage.SCHEME):
        return SourceKind.BUCKET
    return SourceKind.SNAPSHOT if is_snapshot(Path(source)) else SourceKind.DIRECTORY


def pinned(source: str) -> str:
    """The source in the form in which it is kept: of a model in the Hub's cache, the commit of `main`.

    So an import that goes on later, or starts again, reads the same commit.

    Raises Refusal for what is neither an absolute path nor s3://bucket/prefix.
    """
    if detect(source) == SourceKind.BUCKET:
        return str(objectstorage.place(source))
    if not source.startswith("/") or "\0" in source:
        raise ImportRefused(
            "relative_directory", "Give the whole path of the directory, from / on.", status=422
        )
    directory = Path(source)
    return str(newest_commit(directory)) if is_repository(directory) else source


def described(source: str) -> str:
    """What a pinned source is, in a few words beyond its address; "" when that says it all."""
    return in_words(Path(source)) if detect(source) == SourceKind.SNAPSHOT else ""


def open_source(source: str) -> Source:
    """The source behind a pinned address. No I/O. Raises Refusal for a malformed one."""
    kind = detect(source)
    if kind == SourceKind.BUCKET:
        return Bucket(objectstorage.place(source))
    return Snapshot(Path(source)) if kind == SourceKind.SNAPSHOT else Directory(Path(source))
