"""Bodies that are wrong: told in OpenAI's shape, and never passed on."""

import socket
import time
from urllib.parse import urlsplit

JSON = {"Content-Type": "application/json"}


def post(raw, body, **headers):
    return raw.post("/v1/chat/completions", content=body, headers=JSON | headers)


MALFORMED = [
    (b"", "invalid_json"),
    (b"{", "invalid_json"),
    (b"[]", "invalid_json"),
    (b'"tiny"', "invalid_json"),
    (b'{"model": "tiny", "temperature": NaN}', "invalid_json"),
    (b'{"model": "tiny\xff"}', "invalid_json"),
    ('{"model": "tiny"}'.encode("utf-16"), "invalid_json"),
    (b"[" * 200_000, "invalid_json"),
    (b'{"model": "tiny", "n": ' + b"9" * 5000 + b"}", "invalid_json"),
    (b"{}", "missing_required_parameter"),
    (b'{"model": null}', "missing_required_parameter"),
    (b'{"model": ["tiny"]}', "missing_required_parameter"),
    (b'{"model": "tiny", "model": "other"}', "duplicate_field"),
    (b'{"model": "tiny", "mod\\u0065l": "other"}', "duplicate_field"),
    (b'{"model": "tiny", "stream": "yes"}', "invalid_type"),
    (b'{"model": "tiny", "stream": 1}', "invalid_type"),
]


def test_a_malformed_body_is_a_400_and_goes_no_further(raw, state):
    for body, code in MALFORMED:
        answer = post(raw, body)

        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, code), body[:80]
        assert error["type"] == "invalid_request_error"
    assert state()["seen"] == []


def test_a_body_that_is_no_plain_json_is_a_415(raw):
    plain = post(raw, b"{}", **{"Content-Type": "text/plain"})
    zipped = post(raw, b"{}", **{"Content-Encoding": "gzip"})

    assert (plain.status_code, zipped.status_code) == (415, 415)


def test_a_huge_body_is_a_413(raw, state):
    answer = post(raw, b'{"model": "tiny", "x": "' + b"x" * 11_000_000 + b'"}')

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
    assert state()["seen"] == []


def test_a_huge_body_of_unknown_length_is_a_413(portal, key):
    host, port = urlsplit(portal).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key.token}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            for _ in range(300):
                wire.sendall(chunk)
        except OSError:
            pass
        answer = wire.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer


def test_headers_beyond_measure_are_a_431(raw):
    assert raw.get("/v1/models", headers={"X-Long": "x" * 40_000}).status_code == 431


def test_two_keys_are_refused(portal, key):
    host, port = urlsplit(portal).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        line = f"Authorization: Bearer {key.token}\r\n"
        wire.sendall(f"GET /v1/models HTTP/1.1\r\nHost: x\r\n{line}{line}\r\n".encode())

        assert wire.recv(65536).startswith(b"HTTP/1.1 400")


def test_the_connection_stays_usable_after_a_refusal(raw):
    refused = post(raw, b"{")
    began = time.monotonic()

    again = raw.get("/v1/models")

    assert (refused.status_code, again.status_code) == (400, 200)
    assert time.monotonic() - began < 2
