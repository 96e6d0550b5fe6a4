"""A stream cut into pieces anywhere: the same bytes come out, less the usage that only we asked for."""

import doctest
import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from playground.gateway import refusing, reserving
from playground.gateway.event_stream import EventStream
from playground.gateway.metering import WHOLE_BYTES_MAX, AnswerReader, Used

WORDS = st.lists(
    st.text(max_size=12) | st.sampled_from(['"usage": {"prompt_tokens": 9}', "\n\n", "data: x"]), max_size=8
)
USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}\n\n'


def event(word):
    return b"data: " + json.dumps({"choices": [{"delta": {"content": word}}]}).encode() + b"\n\n"


def passed(stream, data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    return b"".join([*(stream.feed(piece) for piece in pieces if piece), stream.end()])


@given(words=WORDS, cuts=st.lists(st.integers(min_value=0), max_size=12), keeps=st.booleans())
def test_whatever_the_pieces_the_bytes_are_the_same(words, cuts, keeps):
    said = b"".join(event(word) for word in words)
    stream = EventStream(keeps_usage=keeps)

    out = passed(stream, said + USAGE + b"data: [DONE]\n\n", cuts)

    assert out == said + (USAGE if keeps else b"") + b"data: [DONE]\n\n"
    assert (stream.used.prompt_tokens, stream.used.completion_tokens) == (7, 3)


@given(
    words=WORDS,
    cuts=st.lists(st.integers(min_value=0), max_size=12),
    keeps=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": ")]),
)
def test_the_usage_so_far_is_read_and_taken_out_of_each_event(words, cuts, keeps, separators):
    def events(*, with_usage: bool) -> bytes:
        told = [
            {"choices": [{"delta": {"content": word}}]}
            | ({"usage": {"prompt_tokens": 9, "completion_tokens": number}} if with_usage else {})
            for number, word in enumerate(words)
        ]
        return b"".join(b"data: " + json.dumps(one, separators=separators).encode() + b"\n\n" for one in told)

    stream = EventStream(keeps_usage=True, keeps_each_usage=keeps)

    out = passed(stream, events(with_usage=True), cuts)

    assert out == events(with_usage=keeps)
    expected = (9, len(words) - 1) if words else (0, 0)
    assert (stream.used.prompt_tokens, stream.used.completion_tokens) == expected
    assert not stream.used.is_told


@given(words=WORDS, cuts=st.lists(st.integers(min_value=0), max_size=12))
def test_a_stream_that_tells_no_usage_is_counted(words, cuts):
    said = b"".join(event(word) for word in ["", *words])
    stream = EventStream(keeps_usage=False)

    out = passed(stream, said, cuts)

    assert (out, stream.used.completion_tokens) == (said, len(words))


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(min_value=0), max_size=6))
def test_what_is_no_event_stream_passes_too(data, cuts):
    assert passed(EventStream(keeps_usage=True), data, cuts) == data


def test_an_event_without_an_end_is_passed_on_before_it_fills_the_memory():
    stream = EventStream(keeps_usage=False)

    out = sum(len(stream.feed(b"x" * 65536)) for _ in range(64))

    assert out >= 3 * 1024 * 1024


def test_the_usage_of_an_answer_too_long_to_keep_is_found_at_its_end():
    reader = AnswerReader()
    answer = {
        "logprobs": "x" * WHOLE_BYTES_MAX,
        "usage": {"prompt_tokens": 5, "completion_tokens": 6, "d": {"c": 1}},
    }
    whole = json.dumps(answer | {"prompt_logprobs": None}).encode()
    for start in range(0, len(whole), 65536):
        reader.feed(whole[start : start + 65536])

    used = reader.used()

    assert (used.prompt_tokens, used.completion_tokens) == (5, 6)


def test_what_is_no_usage_tells_nothing():
    told = [Used().read(one) for one in ({}, None, [], {"total_tokens": 4}, {"prompt_tokens": 4})]
    newer = Used()
    newer.read({"input_tokens": 5, "output_tokens": 6})

    assert told == [False, False, False, False, True]
    assert (newer.prompt_tokens, newer.completion_tokens) == (5, 6)


def test_the_examples_in_the_docstrings_hold():
    assert [doctest.testmod(module).failed for module in (refusing, reserving)] == [0, 0]
