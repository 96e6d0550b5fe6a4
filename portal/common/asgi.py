"""What an ASGI server tells of a request, for those who answer before Django."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any


def header_of(scope: Mapping[str, Any], wanted: bytes) -> str:
    """The first value of a header, named in small letters; "" where it was not sent."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return next((value.decode("latin-1") for name, value in headers if name == wanted), "")


async def disconnected(receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
    """Return once the client has gone. What else comes is thrown away."""
    while (await receive())["type"] != "http.disconnect":
        pass
