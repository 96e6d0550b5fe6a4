"""Long answers that leave as they are made, in memory that does not grow with them."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

PIECE_BYTES = 64 * 1024


class PiecewiseResponse(StreamingHttpResponse):
    """Pieces of text or bytes, made in the request's own thread while the client takes them.

    Django's own class, served by ASGI, would first make all of them and hold them in memory.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: Any = self.streaming_content
        take = sync_to_async(_taken)
        while piece := await take(pieces):
            yield piece


def download(name: str, pieces: Iterable[str | bytes], *, content_type: str) -> PiecewiseResponse:
    """A file to keep under `name`, sent as its pieces come."""
    response = PiecewiseResponse(pieces, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _taken(pieces: Iterator[bytes]) -> bytes:
    """The next pieces in one, b"" at the end: a trip to the thread would cost more than a line."""
    taken = bytearray()
    for piece in pieces:
        taken += piece
        if len(taken) >= PIECE_BYTES:
            break
    return bytes(taken)
