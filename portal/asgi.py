"""The ASGI entry: the API gateway answers /v1 ahead of Django, which answers the rest."""

import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django_application = get_asgi_application()

# The gateway needs the app registry that the line above fills.
from playground.gateway.app import gateway  # noqa: E402

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Dispatch one ASGI connection by its path."""
    if scope["type"] == "http" and scope["path"].startswith("/v1/"):
        await gateway(scope, receive, send)
    elif scope["type"] == "http":
        await django_application(scope, receive, send)
    elif scope["type"] == "lifespan":
        await gateway.lifespan(scope, receive, send)
