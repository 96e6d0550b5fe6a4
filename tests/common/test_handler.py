"""A request's middleware and view run in one thread, and what is streamed after them holds no connection."""

import asyncio
import threading
import time

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


def slow(_request):
    time.sleep(0.5)
    return HttpResponse("late")


urlpatterns = [path("page/", page), path("slow/", slow), path("stream/", stream)]


async def get(handler, where):
    """What the handler sends for one address."""
    sent, incoming = [], asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": where, "headers": [], "query_string": b""}
    await handler(scope, incoming.get, send)
    return b"".join(message.get("body", b"") for message in sent)


@pytest.fixture
def handler(settings):
    """One that has these pages alone."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [f"{__name__}.noting"] * 3
    ran_in.clear()
    held.clear()
    return OneThreadHandler()


def test_middleware_and_view_run_in_one_thread(handler):
    assert asyncio.run(get(handler, "/page/")) == b"a page"
    assert len(ran_in) == 4
    assert len(set(ran_in)) == 1
    assert threading.get_ident() not in ran_in


@pytest.mark.django_db(transaction=True)
def test_what_is_streamed_by_the_event_loop_holds_no_connection(handler):
    assert asyncio.run(get(handler, "/stream/")) == b"an event"
    assert held == [True, False]


def test_a_thread_serves_one_request_after_the_other(handler):
    async def one_by_one():
        for _ in range(5):
            await get(handler, "/page/")
            await asyncio.sleep(0.01)

    asyncio.run(one_by_one())
    assert len(set(ran_in)) == 1


def test_a_thread_in_which_a_view_still_runs_serves_nobody_else(handler):
    async def beside_a_slow_one():
        hung_up = asyncio.create_task(get(handler, "/slow/"))
        await asyncio.sleep(0.05)
        hung_up.cancel()
        await asyncio.sleep(0.05)
        (slow,) = set(ran_in)
        ran_in.clear()
        await get(handler, "/page/")
        return slow

    slow = asyncio.run(beside_a_slow_one())
    assert slow not in ran_in
