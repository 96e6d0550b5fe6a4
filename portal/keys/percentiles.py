"""Histograms of times to the first token: the bounds of their buckets, and percentiles read from them.

Bucket 0 counts what took less than 1 ms, bucket n what took from 1.2ⁿ⁻¹ up to 1.2ⁿ ms, and
the last one all from about ten minutes on. A percentile is told as the geometric mean of its
bucket's bounds, and so is wrong by the square root of 1.2 at most: less than 10 percent.
A stored histogram may be shorter than the bounds; what it lacks are zeros.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from math import sqrt

GROWTH = 1.2
# Up to about ten minutes, the longest that the gateway waits for an answer.
BUCKET_COUNT = 74
# BOUNDS[n] is where bucket n ends, in ms; the last bucket has no end.
BOUNDS = tuple(GROWTH**power for power in range(BUCKET_COUNT - 1))


def bucket_of(milliseconds: float) -> int:
    """The bucket that counts a time.

    >>> bucket_of(0), bucket_of(1), bucket_of(1.3), bucket_of(10**9)
    (0, 1, 2, 73)
    """
    return bisect_right(BOUNDS, milliseconds)


def milliseconds_of(bucket: int) -> int:
    """The time for which a bucket stands.

    >>> milliseconds_of(bucket_of(250))
    260
    """
    if bucket <= 0:
        return 1
    if bucket >= BUCKET_COUNT - 1:
        return round(BOUNDS[-1])
    return max(1, round(sqrt(BOUNDS[bucket - 1] * BOUNDS[bucket])))


def added(histograms: Iterable[Sequence[int]]) -> list[int]:
    """The sum of histograms of any lengths.

    >>> added([[1, 2], [], [0, 0, 5]])
    [1, 2, 5]
    """
    return [sum(counts) for counts in zip_longest(*histograms, fillvalue=0)]


def percentile(counts: Sequence[int], percent: int) -> int | None:
    """The time (ms) that `percent` of what was counted did not exceed; None if nothing was.

    >>> percentile([0, 0, 3, 1], 50), percentile([], 50)
    (1, None)
    """
    wanted = -(-sum(counts) * percent // 100)
    passed = 0
    for bucket, count in enumerate(counts):
        passed += count
        if count and passed >= wanted:
            return milliseconds_of(bucket)
    return None
