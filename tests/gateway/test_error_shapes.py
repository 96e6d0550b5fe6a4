"""What is wrong with a request to /v1 is told as an error with a code and a link, never by a page."""

import json
import socket
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from portal.keys import actions
from portal.keys.models import Scope
from tests.gateway.conftest import say

pytestmark = pytest.mark.live

BATCH = {"endpoint": "/v1/completions", "completion_window": "24h"}
MULTIPART, PLAIN = {"Content-Type": "multipart/form-data"}, {"Content-Type": "text/plain"}
MANY_FILES = {f"f{number}": b"x" for number in range(200)}
HALF = {"model": "tiny", "messages": say("status=400 message=\ud800")}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
MANY_FIELDS = "&".join(f"a{number}=1" for number in range(1200))
ELSEWHERE = [
    ("GET", "/v1", {}, 404, "unknown_url"),
    ("GET", "/v1/", {}, 404, "unknown_url"),
    ("GET", "/v1/nothing", {}, 404, "unknown_url"),
    ("PATCH", "/v1/batches/a/b", {}, 404, "unknown_url"),
    ("GET", "/v1/files/a%0Ab/c", {}, 404, "unknown_url"),
    ("PATCH", "/v1/files", {}, 405, "method_not_allowed"),
    ("DELETE", "/v1/models", {}, 405, "method_not_allowed"),
    ("GET", "/v1/files/%00", {}, 404, "file_not_found"),
    ("GET", "/v1/files/%00/content", {}, 404, "file_not_found"),
    ("DELETE", "/v1/files/%00", {}, 404, "file_not_found"),
    ("GET", "/v1/batches/%00", {}, 404, "batch_not_found"),
    ("GET", "/v1/models/%00", {}, 404, "model_not_found"),
    ("GET", "/v1/files?purpose=%00", {}, 400, "invalid_value"),
    ("GET", "/v1/files?purpose=nothing", {}, 400, "invalid_value"),
    ("GET", "/v1/files?order=sideways", {}, 400, "invalid_value"),
    ("GET", "/v1/batches?after=%00", {}, 400, "invalid_value"),
    ("GET", f"/v1/files?{MANY_FIELDS}", {}, 400, "unreadable_request"),
    ("GET", "/v1/files", {"headers": {"Host": "no such host"}}, 400, "unreadable_request"),
    ("POST", "/v1/files", {"json": {"purpose": "batch"}}, 415, "unsupported_media_type"),
    ("POST", "/v1/files", {"content": MANY_FIELDS, "headers": FORM}, 415, "unsupported_media_type"),
    ("POST", "/v1/files", {"content": "x", "headers": MULTIPART}, 400, "unreadable_request"),
    ("POST", "/v1/files", {"files": MANY_FILES}, 400, "unreadable_request"),
    ("POST", "/v1/batches", {"content": "{}", "headers": PLAIN}, 415, "unsupported_media_type"),
    ("POST", "/v1/batches", {"content": "{", "headers": JSON}, 400, "invalid_json"),
    ("POST", "/v1/batches", {"content": b"\xff", "headers": JSON}, 400, "invalid_json"),
    ("POST", "/v1/batches", {"content": b"[" * 100_000, "headers": JSON}, 400, "invalid_json"),
    ("POST", "/v1/batches", {"content": b" " * 1_100_000, "headers": JSON}, 413, "request_too_large"),
    ("POST", "/v1/batches", {"json": {"input_file_id": "\0", **BATCH}}, 400, "invalid_value"),
    ("POST", "/v1/batches", {"json": {"input_file_id": "\ud800", **BATCH}}, 400, "invalid_value"),
    ("POST", "/v1/batches", {"json": {"\ud800": 1}}, 400, "unknown_parameter"),
    ("POST", "/v1/chat/completions", {"json": {"model": "\ud800", "messages": []}}, 404, "model_not_found"),
    ("POST", "/v1/chat/completions", {"json": HALF}, 400, "refused_by_model"),
    ("POST", "/v1/chat/completions", {"json": {"model": "tiny", "messages": []}}, 400, "refused_by_model"),
]  # fmt: skip


def ascii_json(request):
    """As JSON in ASCII, which alone can carry half a character."""
    if "json" not in request:
        return request
    return {"content": json.dumps(request["json"]), "headers": JSON}


@pytest.mark.parametrize("case", ELSEWHERE, ids=lambda case: f"{case[0]} {case[1][:30]} {case[4]}")
def test_what_is_wrong_is_told_as_openais_error(raw, case):
    method, path, request_, status, code = case
    answer = raw.request(method, path, **ascii_json(request_))

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code", "link"}
    assert (error["code"], error["type"]) == (code, "invalid_request_error")
    assert error["message"].endswith(f" See {error['link']}")
    assert error["link"] == f"http://portal.example.org/api/errors/#{code}"
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    "case",
    [
        ("GET", "/v1/messages", "", "application/json", 405, "method_not_allowed"),
        ("GET", "/v1/messages/batches", "", "application/json", 404, "unknown_url"),
        ("POST", "/v1/messages", "{", "application/json", 400, "invalid_json"),
        ("POST", "/v1/messages", "{}", "text/plain", 415, "unsupported_media_type"),
        ("POST", "/v1/messages", " " * 11_000_000, "application/json", 413, "request_too_large"),
        ("POST", "/v1/messages", '{"model": "\\ud800"}', "application/json", 404, "model_not_found"),
        ("POST", "/v1/messages", '{"model": "tiny"}', "application/json", 400, "refused_by_model"),
    ],
    ids=lambda case: f"{case[0]} {case[5]}",
)
def test_what_is_wrong_with_a_message_is_told_as_anthropics_error(raw, case):
    method, path, content, kind, status, code = case
    answer = raw.request(method, path, content=content, headers={"Content-Type": kind})

    told = answer.json()
    assert answer.status_code == status
    assert set(told) == {"type", "error", "request_id"}
    assert set(told["error"]) == {"type", "message", "code", "link"}
    assert told["error"]["code"] == code
    assert told["error"]["link"] == f"http://portal.example.org/api/errors/#{code}"
    assert told["request_id"] == answer.headers["x-request-id"]


def test_a_batchs_body_beyond_measure_of_unknown_length_is_a_413_with_an_id(portal, key):
    host, port = urlsplit(portal).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(
            f"POST /v1/batches HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key.token}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            for _ in range(20):
                wire.sendall(chunk)
        except OSError:
            pass
        answer = wire.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"x-request-id: req_" in answer


def test_whole_numbers_may_be_written_with_a_point(portal, ada):
    token = actions.create(ada, name="n", scopes=[Scope.INFERENCE], by=ada).token
    body = {"model": "tiny", "messages": say("words=1"), "max_tokens": 4}
    with httpx.Client(base_url=portal, headers={"Authorization": f"Bearer {token}"}, timeout=20) as client:
        answers = {
            n: client.post("/v1/chat/completions", json=body | {"n": n}).status_code
            for n in (2.0, 2.5, 17.0, 1e300)
        }

    assert answers == {2.0: 200, 2.5: 400, 17.0: 400, 1e300: 400}
