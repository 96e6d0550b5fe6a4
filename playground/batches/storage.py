"""Where the bytes of files lie: written whole or not at all, readable by the portal alone."""

import asyncio
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from django.conf import settings

from playground.batches.models import ApiFile

PIECE_BYTES = 256 * 1024
FILE_NAME = re.compile(r"file-[0-9a-f]{32}")
# What is being written has no row yet; a write takes minutes at most.
LEFT_ALONE_SECONDS = 6 * 3600


def write(file_id: str, pieces: Iterable[bytes]) -> int:
    """Keep `pieces` as the bytes of a file; return how many they are. A second write replaces the first."""
    path = ApiFile(pk=file_id).path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A name of its own, so that two that write the same file do not meet.
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    size_bytes = 0
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
            for piece in pieces:
                size_bytes += output.write(piece)
            output.flush()
            os.fsync(output.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return size_bytes


def remove(file_id: str) -> None:
    """Remove the bytes of a file, if they are there."""
    ApiFile(pk=file_id).path.unlink(missing_ok=True)


async def pieces_of(path: Path) -> AsyncIterator[bytes]:
    """The bytes at `path` in pieces, of which one at a time is in memory."""
    # Django reads the whole of a file that it is handed itself before an ASGI server sends it.
    source = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(source.read, PIECE_BYTES):
            yield piece
    finally:
        source.close()


def remove_strays() -> int:
    """Remove what belongs to no file: of people who are gone, and of writers who died; how many."""
    before, removed = time.time() - LEFT_ALONE_SECONDS, 0
    for folder in sorted(settings.BATCH_ROOT.glob("[0-9a-f][0-9a-f]")):
        found = {path for path in folder.iterdir() if path.stat().st_mtime < before}
        ids = {path.name for path in found if FILE_NAME.fullmatch(path.name)}
        kept = set(ApiFile.objects.filter(pk__in=ids, deleted_at=None).values_list("pk", flat=True))
        for path in found:
            if path.name not in kept:
                path.unlink(missing_ok=True)
                removed += 1
    return removed
