"""Django's test client with the door before it, as portal/asgi.py has it, in the test's own transaction."""

import asyncio
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from queue import SimpleQueue
from urllib.parse import quote

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test.client import ClientHandler

from portal.hub.door.app import Door
from portal.hub.door.request import is_for_the_door


class Here(Executor):
    """Does what a loop's thread hands it in the thread that calls `run`: there is the test's transaction."""

    def __init__(self):
        self._handed = SimpleQueue()
        self._is_over = False

    def submit(self, fn, /, *args, **kwargs):
        if self._is_over:
            raise RuntimeError("The test was interrupted.")
        future = Future()
        self._handed.put((future, lambda: fn(*args, **kwargs)))
        return future

    def run(self, work):
        """What `work`, a coroutine, gives in a loop and thread of its own."""
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(asyncio.run, work)
            done.add_done_callback(lambda _: self._handed.put(None))
            try:
                while (handed := self._handed.get()) is not None:
                    _do(*handed)
            finally:
                # A test that runs out of time leaves here, and must not wait for the loop for ever.
                self._is_over = True
                while not self._handed.empty():
                    if handed := self._handed.get():
                        handed[0].cancel()
            return done.result()


def _do(future, do):
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(do())
        except BaseException as error:
            future.set_exception(error)
            if not isinstance(error, Exception):
                raise


class LeftToDjangoError(Exception):
    """The door wants a page."""


class DoorHandler(ClientHandler):
    """Answers a test client's request by the door where it is the door's."""

    def __call__(self, environ):
        raw_path = quote(environ["PATH_INFO"].encode("latin-1")).encode()
        if not is_for_the_door(raw_path):
            return super().__call__(environ)
        try:
            here = Here()
            response = here.run(answer(scope_of(environ, raw_path), threads=here))
        except LeftToDjangoError:
            return super().__call__(environ)
        response.wsgi_request = WSGIRequest(environ)
        return response


async def answer(scope, *, threads) -> HttpResponse:
    """What the door says to one request, with all of its body."""
    messages, asked = [], []

    async def pages(*_):
        raise LeftToDjangoError

    async def receive():
        if asked:
            await asyncio.Event().wait()
        asked.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        messages.append(message)

    door = Door(pages=pages, threads=threads)
    try:
        await door(scope, receive, send)
    finally:
        await door.stop()
    start, *bodies = messages
    body = b"".join(message["body"] for message in bodies)
    response = HttpResponse(b"" if scope["method"] == "HEAD" else body, status=start["status"])
    del response.headers["Content-Type"]
    for name, value in start["headers"]:
        response.headers[name.decode()] = value.decode("latin-1")
    return response


def scope_of(environ, raw_path):
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower().encode(), value.encode())
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    ]
    return {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "raw_path": raw_path,
        "query_string": b"",
        "headers": headers,
        "client": (environ["REMOTE_ADDR"], 50000),
        "extensions": {},
    }
