"""An answer on its way through ASGI, and the headers of a file."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from django.utils.http import http_date

from portal.releases.models import WeightFile

Headers = Mapping[str, str]


class Reply:
    """Sends status, headers and body; every answer carries the request's number."""

    def __init__(self, send: Callable[[Any], Awaitable[None]], *, request_id: str) -> None:
        self.send = send
        self._request_id = request_id

    async def start(self, status: int, headers: Headers, *, warnings: Sequence[str] = ()) -> None:
        """Send the status and the headers; `warnings` go out as one X-HF-Warning each."""
        pairs = [*headers.items(), *(("X-HF-Warning", one) for one in warnings)]
        pairs.append(("X-Request-Id", self._request_id))
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs]
        await self.send({"type": "http.response.start", "status": int(status), "headers": encoded})

    async def whole(
        self, status: int, headers: Headers, body: bytes = b"", *, warnings: Sequence[str] = ()
    ) -> None:
        """Send all of an answer."""
        await self.start(status, headers, warnings=warnings)
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


def headers_of(file: WeightFile) -> dict[str, str]:
    """The headers that are true of a file whatever is asked of it (Hub protocol: ETag, X-Repo-Commit)."""
    name = file.path.rpartition("/")[2]
    plain = name.encode("ascii", "replace").decode().replace("\\", "_").replace('"', "_")
    return {
        "ETag": etag_of(file),
        "Last-Modified": http_date(file.revision.frozen_at.timestamp()),
        "X-Repo-Commit": file.revision.commit,
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache, no-transform",
    }


def etag_of(file: WeightFile) -> str:
    """The strong tag of a file's bytes, which becomes a file name in clients' caches."""
    return f'"{file.sha256}"'
