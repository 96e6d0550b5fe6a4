"""What a request at the door asks for, read from ASGI's scope."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings

from portal.common.requests import CLIENT_CHARACTERS_MAX, believed_address
from portal.hub.errors import request_number

API = b"api"
LINKS = b"links"
RESOLVE = b"resolve"
# /hub/<organisation>/<model>/resolve/<revision>/<path>, split at the slashes.
RESOLVE_PARTS_MIN = 7
# /hub/links/<token>/<name>
LINK_PARTS = 5


def is_for_the_door(raw_path: bytes) -> bool:
    """Whether the door answers for this path, as it was sent; Django answers for all others.

    >>> is_for_the_door(b"/hub/org/model/resolve/main/a/b"), is_for_the_door(b"/hub/links/id.secret/b")
    (True, True)
    >>> is_for_the_door(b"/hub/api/models/org/model"), is_for_the_door(b"/releases/")
    (False, False)
    """
    parts = raw_path.split(b"/")
    return parts[:2] == [b"", b"hub"] and (_is_file(parts) or _is_link(parts))


class Request:
    """One request for a file: by release, revision and path, or by a link's token."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self._headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            self._headers.setdefault(name, value)
        parts = raw_path_of(scope).split(b"/")
        self.token = self.hub_id = self.revision = self.path = ""
        if _is_file(parts):
            self.hub_id = "/".join(_text(part) for part in parts[2:4])
            self.revision = _text(parts[5])
            self.path = "/".join(_text(part) for part in parts[6:])
        else:
            self.token, self.path = _text(parts[3]), _text(parts[4])

    def header(self, name: str) -> str:
        """A header's value, "" when it was not sent."""
        return self._headers.get(name.encode(), b"").decode("latin-1")

    @property
    def address(self) -> str:
        """The client's IP address, "" when the server does not know it."""
        return believed_address(self._peer, forwarded_for=self.header("x-forwarded-for"))

    @property
    def connection(self) -> str:
        """What nginx says of the client's connection: both addresses and ports; "" without nginx."""
        return self.header("x-connection")[:110] if self._peer in settings.TRUSTED_PROXIES else ""

    @property
    def client(self) -> str:
        """The client's User-Agent."""
        return self.header("user-agent")[:CLIENT_CHARACTERS_MAX]

    @property
    def wants_page(self) -> bool:
        """Whether a person looks at the answer: browsers ask for HTML by name, clients and curl do not."""
        return "text/html" in self.header("accept") and not self.header("authorization")

    @property
    def request_id(self) -> str:
        """The client's own number for the request, or a new one."""
        return request_number(self.header("x-amzn-trace-id"))

    @property
    def _peer(self) -> str:
        client = self.scope.get("client")
        return str(client[0]) if client else ""


def raw_path_of(scope: Mapping[str, Any]) -> bytes:
    """The path as it was sent, so that an encoded slash is not taken for a slash."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw


def _is_file(parts: list[bytes]) -> bool:
    return len(parts) >= RESOLVE_PARTS_MIN and parts[4] == RESOLVE and parts[2] != API


def _is_link(parts: list[bytes]) -> bool:
    return len(parts) == LINK_PARTS and parts[2] == LINKS


def _text(part: bytes) -> str:
    # What is not UTF-8 names nothing here.
    return unquote_to_bytes(part).decode("utf-8", "replace")
