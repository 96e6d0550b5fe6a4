"""What a model server says of itself, and what follows from it."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from playground import upstream
from playground.evaluations import server
from playground.evaluations.asking import Faulty, NotNow
from playground.serving import Backend

COMMIT, OTHER = "a" * 40, "b" * 40
VERSION = {"version": "0.32.0"}


class Telling(BaseHTTPRequestHandler):
    """Answers each path with what the test gave for it: a status and a body."""

    answers: dict[str, tuple[int, bytes]] = {}

    def do_GET(self) -> None:
        """Say it."""
        status, body = self.answers.get(self.path, (404, b"{}"))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def look() -> Iterator[Callable[..., dict[str, Any]]]:
    """Look at a server that says these things."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Telling)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    backend = Backend(f"http://127.0.0.1:{httpd.server_port}", "secret")

    async def ask() -> dict[str, Any]:
        async with upstream.new_session() as session:
            return await server.look(session, backend, served_name="tiny", commit=COMMIT)

    def looked(models: Any, *, status: int = 200, version: Any = VERSION) -> dict[str, Any]:
        Telling.answers = {"/v1/models": (status, json.dumps(models).encode())}
        if version is not None:
            Telling.answers["/version"] = (200, json.dumps(version).encode())
        return asyncio.run(ask())

    yield looked
    httpd.shutdown()
    httpd.server_close()


def served(root: str = "", name: str = "tiny") -> dict[str, Any]:
    """A list of models as vLLM tells it, with one in it."""
    return {"object": "list", "data": [{"id": name, "root": root, "max_model_len": 2048}]}


def test_server_that_names_the_commit_is_the_best_that_can_be_known(look):
    facts = look(served(f"/cache/models--o--tiny/snapshots/{COMMIT}"))

    assert (facts["version"], facts["max_model_len"], facts["names_commit"]) == ("0.32.0", 2048, True)
    assert server.caveat(facts) == server.NAMES_COMMIT


def test_server_that_names_no_commit_is_told_so(look):
    facts = look(served("open-weights/tiny"), version=None)

    assert facts == {"version": "", "root": "open-weights/tiny", "max_model_len": 2048, "names_commit": False}
    assert server.caveat(facts) == server.UNKNOWN


def test_server_that_names_another_commit_is_refused(look):
    with pytest.raises(Faulty, match=f"Start it with commit {COMMIT}"):
        look(served(f"/cache/snapshots/{OTHER}"))


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (served(name="other"), "does not serve “tiny”, only other"),
        ({"data": []}, "does not serve “tiny”, only nothing"),
        ({"data": "x"}, "does not serve “tiny”, only nothing"),
        ([1], "is not of OpenAI's form"),
    ],
)
def test_server_without_the_model_is_told_apart(look, models, told):
    with pytest.raises(Faulty, match=told):
        look(models)


def test_server_that_is_busy_is_asked_later_and_one_that_refuses_is_not(look):
    with pytest.raises(NotNow):
        look({}, status=503)
    with pytest.raises(Faulty, match="answered 401 at /v1/models"):
        look({}, status=401)
