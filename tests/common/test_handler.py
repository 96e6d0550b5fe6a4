"""A request's middleware and view run in one thread, and what is streamed after them holds no connection."""

import asyncio
import threading

import pytest
from django.db import connections
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from portal.accounts.models import User
from portal.common.handler import OneThreadHandler

ran_in, held = [], []


def noting(get_response):
    """Middleware that notes its thread."""

    def note(request):
        ran_in.append(threading.get_ident())
        return get_response(request)

    return note


def page(_request):
    ran_in.append(threading.get_ident())
    return HttpResponse("a page")


def stream(_request):
    assert User.objects.count() == 0
    wrapper = connections["default"]
    held.append(wrapper.connection is not None)

    async def events():
        held.append(wrapper.connection is not None)
        yield "an event"

    return StreamingHttpResponse(events())


urlpatterns = [path("page/", page), path("stream/", stream)]


@pytest.fixture
def ask(settings):
    """Asks the handler, and returns the body of its answer."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [f"{__name__}.noting"] * 3
    ran_in.clear()
    held.clear()
    handler = OneThreadHandler()

    async def asked(where):
        sent = []
        incoming = asyncio.Queue()
        incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": where, "headers": [], "query_string": b""}
        await handler(scope, incoming.get, send)
        return b"".join(message.get("body", b"") for message in sent)

    return lambda where: asyncio.run(asked(where))


def test_middleware_and_view_run_in_one_thread(ask):
    assert ask("/page/") == b"a page"
    assert len(ran_in) == 4
    assert len(set(ran_in)) == 1
    assert threading.get_ident() not in ran_in


@pytest.mark.django_db(transaction=True)
def test_what_is_streamed_by_the_event_loop_holds_no_connection(ask):
    assert ask("/stream/") == b"an event"
    assert held == [True, False]
