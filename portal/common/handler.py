"""Django's ASGI handler, with all of a request in one thread that serves one request after the other."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal.common.threads import let_go

# What a burst needs beyond these ends with its requests.
IDLE_THREADS_KEPT = 32


class OneThreadHandler(ASGIHandler):
    """Calls middleware and view in one go, as a WSGI server would; what they stream may be asynchronous.

    Django's own goes from the event loop to a thread and back for middleware that knows no async, and again
    for the view, in a thread that it starts for each request. No view here is asynchronous, so that each of
    these ways is half a millisecond for nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._idle: list[ThreadPoolExecutor] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one connection, with a thread of its own for as long as it takes."""
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, thread_name_prefix="page")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.handle(scope, receive, send)
        finally:
            # Behind whatever still runs in it, as the view of somebody who hung up.
            thread.submit(self._give_back, thread)

    def _give_back(self, thread: ThreadPoolExecutor) -> None:
        if len(self._idle) < IDLE_THREADS_KEPT:
            self._idle.append(thread)
        else:
            thread.shutdown(wait=False)

    def load_middleware(self, is_async: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - Django's own
        """Chain them as for a server without an event loop."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer in the request's own thread."""
        return await sync_to_async(self._answer, thread_sensitive=True)(request)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        # What is streamed from the event loop may take hours, and needs no database.
        if getattr(response, "is_async", False):
            let_go()
        return response


def django_pages() -> OneThreadHandler:
    """Set Django up; its handler."""
    django.setup(set_prefix=False)
    return OneThreadHandler()
