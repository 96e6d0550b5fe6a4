"""The ASGI entry: what must be fast is answered before Django, which answers the rest.

That is the API under /v1, the weights' files, and the streams of answers that were just asked for.
"""

import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from portal.common.handler import django_pages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django_application = django_pages()

# They need the app registry that the line above fills.
from playground import stream_door  # noqa: E402
from playground.batches import door as batches  # noqa: E402
from playground.gateway.app import gateway  # noqa: E402
from portal.common.threads import take_short_turns  # noqa: E402
from portal.hub.door.app import Door  # noqa: E402
from portal.hub.door.request import is_for_the_door, raw_path_of  # noqa: E402

door = Door(pages=django_application)
take_short_turns()

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Dispatch one ASGI connection by its path."""
    if scope["type"] == "lifespan":
        await gateway.lifespan(scope, _stopping_the_door(receive), send)
    elif scope["type"] == "http" and batches.is_for_batches(scope["path"]):
        await batches.answer(scope, receive, send, pages=django_application)
    elif scope["type"] == "http" and f"{scope['path']}/".startswith("/v1/"):
        await gateway(scope, receive, send)
    elif scope["type"] == "http" and is_for_the_door(raw_path_of(scope)):
        await door(scope, receive, send)
    elif scope["type"] == "http" and (followed := stream_door.opened(scope)):
        await stream_door.answer(followed, scope, receive, send)
    elif scope["type"] == "http":
        await django_application(scope, receive, send)


def _stopping_the_door(receive: Receive) -> Receive:
    async def received() -> MutableMapping[str, Any]:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await door.stop()
        return message

    return received
