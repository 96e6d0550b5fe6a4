"""Confidence intervals against published numbers, and at the ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.common.intervals import Rate, wilson


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_newcombes_cases(successes, total, low, high):
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3."""
    assert [round(end, 4) for end in wilson(successes, total)] == [low, high]


@given(st.integers(0, 5_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_holds_the_share_and_mirrors(counts):
    successes, total = counts
    low, high = wilson(successes, total)
    mirrored = wilson(total - successes, total)

    assert 0 <= low < high <= 1
    assert mirrored == pytest.approx((1 - high, 1 - low))
    if total:
        assert low <= successes / total <= high


def test_no_cases_tell_nothing_and_one_tells_little():
    assert (Rate(0, 0).share, Rate(0, 0).interval, Rate(0, 0).percent, Rate(0, 0).low_percent) == (None,) * 4
    assert wilson(0, 0) == (0.0, 1.0)
    assert [round(end, 3) for end in wilson(1, 1)] == [0.207, 1.0]
    assert [round(end, 3) for end in wilson(0, 1)] == [0.0, 0.793]


@pytest.mark.parametrize("counts", [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="is no share"):
        wilson(*counts)
