"""Long answers are made while they are taken, by whichever kind of server."""

import asyncio
import warnings

from portal.common.streaming import PIECE_BYTES, download

LINE = "x" * 1023 + "\n"


def lines(made: list[int], *, count: int):
    for number in range(count):
        made.append(number)
        yield LINE


def test_an_answer_is_made_no_faster_than_it_is_taken():
    made: list[int] = []
    response = download("all.txt", lines(made, count=1_000), content_type="text/plain")

    async def take_two() -> list[bytes]:
        pieces = aiter(response)
        return [await anext(pieces), await anext(pieces)]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = asyncio.run(take_two())

    assert (len(first), len(second)) == (PIECE_BYTES, PIECE_BYTES)
    assert len(made) == 2 * PIECE_BYTES // 1024
    assert response.headers["Content-Disposition"] == 'attachment; filename="all.txt"'


def test_it_comes_whole_and_in_order_to_its_end():
    async def take_all() -> bytes:
        response = download("all.txt", (f"{number}\n" for number in range(50_000)), content_type="text/plain")
        return b"".join([piece async for piece in response])

    taken = asyncio.run(take_all())

    assert taken.decode().split() == [str(number) for number in range(50_000)]
    assert b"".join(download("few.txt", ["a", b"b"], content_type="text/plain")) == b"ab"


def test_what_has_nothing_in_it_ends_at_once():
    async def take_all() -> list[bytes]:
        return [piece async for piece in download("none.txt", [], content_type="text/plain")]

    assert asyncio.run(take_all()) == []
