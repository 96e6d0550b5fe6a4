"""Ranges as RFC 9110 has them: what is asked is what is sent, byte for byte."""

from email import message_from_bytes

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from portal.hub.door.ranges import UnsatisfiableRange, requested
from portal.hub.models import Download
from tests.hub.conftest import HUB, WEIGHTS, body

FILE = f"{HUB}/model.safetensors"
SIZE = len(WEIGHTS)
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
numbers = st.integers(min_value=0, max_value=SIZE + 10)


def got(client, bearer, value, **headers):
    return client.get(FILE, headers=bearer | {"Range": value} | headers)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=numbers, last=numbers)
@example(first=0, last=0)
@example(first=SIZE - 1, last=SIZE)
@example(first=SIZE, last=SIZE)
def test_any_range_gives_the_bytes_of_the_file(client, bearer, revision, first, last):
    response = got(client, bearer, f"bytes={first}-{last}")

    if last < first:
        assert (response.status_code, body(response)) == (200, WEIGHTS)
    elif first >= SIZE:
        assert (response.status_code, response["Content-Range"]) == (416, f"bytes */{SIZE}")
    else:
        wanted = WEIGHTS[first : last + 1]
        assert response.status_code == 206
        assert body(response) == wanted
        assert response["Content-Range"] == f"bytes {first}-{first + len(wanted) - 1}/{SIZE}"
        assert response["Content-Length"] == str(len(wanted))


@pytest.mark.parametrize("count", [1, 100, SIZE, SIZE + 5])
def test_a_suffix_gives_the_last_bytes(client, bearer, revision, count):
    response = got(client, bearer, f"bytes=-{count}")

    assert response.status_code == 206
    assert body(response) == WEIGHTS[-count:]


def test_an_open_range_gives_the_rest(client, bearer, revision):
    response = got(client, bearer, "bytes=1000000-")

    assert response.status_code == 206
    assert body(response) == WEIGHTS[1_000_000:]
    download = Download.objects.get()
    assert (download.spans, download.sent_bytes) == ([[1_000_000, SIZE - 1]], 48_576)


@pytest.mark.parametrize("value", ["bytes=-0", f"bytes={SIZE}-", "bytes=99999999999999999999-"])
def test_a_range_that_holds_no_byte_is_416(client, bearer, revision, value):
    response = got(client, bearer, value)

    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{SIZE}"
    assert not Download.objects.exists()


@pytest.mark.parametrize(
    "value",
    [
        "bytes=5-2", "bytes=", "bytes=-", "bytes=a-b", "lines=1-2", "bytes 1-2", "bytes=1-2,x", "bytes=--5",
        "bytes=0-,0-", "bytes=1-2,5-2", "bytes=" + ",".join(f"{n}-{n}" for n in range(65)), "bytes=1,2",
        "bytes=\u0661-\u0662", "bytes=" + ",".join("0-1" for _ in range(2000)), "bytes=1" + "0" * 5000 + "-",
    ],
)  # fmt: skip
def test_what_is_no_range_or_too_much_gets_the_whole_file(client, bearer, revision, value):
    response = client.get(FILE, headers=bearer, HTTP_RANGE=value)

    assert response.status_code == 200
    assert body(response) == WEIGHTS


def test_a_range_counts_only_if_the_file_is_still_the_same(client, bearer, revision):
    etag = client.head(FILE, headers=bearer)["ETag"]

    same = got(client, bearer, "bytes=0-9", **{"If-Range": etag})
    other = got(client, bearer, "bytes=0-9", **{"If-Range": '"0000"'})
    weak = got(client, bearer, "bytes=0-9", **{"If-Range": f"W/{etag}"})
    dated = got(client, bearer, "bytes=0-9", **{"If-Range": "Mon, 23 Nov 2026 00:00:00 GMT"})

    assert (same.status_code, body(same)) == (206, WEIGHTS[:10])
    for response in (other, weak, dated):
        assert (response.status_code, body(response)) == (200, WEIGHTS)


def test_a_head_ignores_the_range(client, bearer, revision):
    response = client.head(FILE, headers=bearer | {"Range": "bytes=0-9"})

    assert response.status_code == 200
    assert response["Content-Length"] == str(SIZE)


def test_a_file_that_the_client_has_is_304_and_no_download(client, bearer, revision):
    etag = client.head(FILE, headers=bearer)["ETag"]

    response = client.get(FILE, headers=bearer | {"If-None-Match": etag})

    assert response.status_code == 304
    assert not Download.objects.exists()


def test_an_empty_file_is_served_and_has_no_ranges(client, bearer, revision):
    whole = client.get(f"{HUB}/empty.txt", headers=bearer)
    part = client.get(f"{HUB}/empty.txt", headers=bearer | {"Range": "bytes=0-"})

    assert (whole.status_code, whole["Content-Length"], body(whole)) == (200, "0", b"")
    assert part.status_code == 416


@given(st.text(max_size=40))
def test_no_header_whatever_breaks_the_parser(text):
    try:
        spans = requested(f"bytes={text}", size_bytes=1000)
    except UnsatisfiableRange:
        return

    assert all(0 <= span.first <= span.last < 1000 for span in spans)
    assert sum(span.count_bytes for span in spans) <= 1000


def test_several_ranges_come_as_parts_in_the_order_asked(client, bearer, revision):
    response = got(client, bearer, f"bytes=500-509, 0-0,-5,{SIZE}-")

    assert response.status_code == 206
    content = body(response)
    assert response["Content-Length"] == str(len(content))
    assert "Content-Range" not in response
    mail = message_from_bytes(f"Content-Type: {response['Content-Type']}\r\n\r\n".encode() + content)
    assert mail.get_content_type() == "multipart/byteranges"
    parts = [(part["Content-Range"], part.get_payload(decode=True)) for part in mail.get_payload()]
    assert parts == [
        (f"bytes 500-509/{SIZE}", WEIGHTS[500:510]),
        (f"bytes 0-0/{SIZE}", WEIGHTS[:1]),
        (f"bytes {SIZE - 5}-{SIZE - 1}/{SIZE}", WEIGHTS[-5:]),
    ]
    download = Download.objects.get()
    assert download.spans == [[500, 509], [0, 0], [SIZE - 5, SIZE - 1]]
    assert (download.asked_bytes, download.sent_bytes) == (16, 16)


def test_several_ranges_beyond_the_end_are_416(client, bearer, revision):
    assert got(client, bearer, f"bytes={SIZE}-,-0").status_code == 416


def test_conditions_are_answered_in_the_order_of_the_rfc(client, bearer, revision):
    etag = client.head(FILE, headers=bearer)["ETag"]
    modified = client.head(FILE, headers=bearer)["Last-Modified"]
    early, late = "Mon, 01 Jan 2024 00:00:00 GMT", "Mon, 01 Jan 2035 00:00:00 GMT"

    def status(**headers):
        return client.get(
            FILE, headers=bearer | {k.replace("_", "-"): v for k, v in headers.items()}
        ).status_code

    assert status(If_Match=etag) == 200
    assert status(If_Match='"other"') == 412
    assert status(If_Unmodified_Since=early) == 412
    assert status(If_Match=etag, If_Unmodified_Since=early) == 200
    assert status(If_Modified_Since=modified) == 304
    assert status(If_Modified_Since=early) == 200
    assert status(If_None_Match='"other"', If_Modified_Since=late) == 200
    assert status(If_None_Match=f'"other", W/{etag}') == 304
