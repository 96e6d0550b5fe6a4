"""Percentiles from histograms stay within the error that is promised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.keys.percentiles import BOUNDS, BUCKET_COUNT, added, bucket_of, percentile

# Times from 10 ms on, where rounding to whole milliseconds is within the promise too.
TIMES = st.lists(st.integers(10, 500_000), min_size=1, max_size=200)


def histogram(times):
    counts = [0] * BUCKET_COUNT
    for one in times:
        counts[bucket_of(one)] += 1
    return counts


@given(TIMES, st.sampled_from([1, 50, 95, 99, 100]))
def test_percentile_is_within_ten_percent_of_the_exact_one(times, percent):
    exact = sorted(times)[-(-len(times) * percent // 100) - 1]

    assert percentile(histogram(times), percent) == pytest.approx(exact, rel=0.10, abs=0.5)


@given(TIMES, TIMES)
def test_sum_of_histograms_is_the_histogram_of_all(some, others):
    assert added([histogram(some), histogram(others)]) == histogram(some + others)


def test_bounds_reach_from_a_millisecond_to_beyond_the_longest_wait():
    assert BOUNDS[0] == 1
    assert 500_000 < BOUNDS[-1] < 600_000
    assert len(BOUNDS) == BUCKET_COUNT - 1
