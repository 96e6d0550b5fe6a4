"""How sure a rate is: confidence intervals of shares, for few cases as for many."""

from dataclasses import dataclass
from math import sqrt

# The 97.5th percentile of the normal distribution, for 95 % between both ends.
Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """`successes` of `total`, and the ends of its 95 % interval, 0 to 1; all None where there are none."""

    successes: int
    total: int

    @property
    def share(self) -> float | None:
        """The share that was seen."""
        return self.successes / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the true share lies, with 95 % confidence."""
        return wilson(self.successes, self.total) if self.total else None

    @property
    def percent(self) -> float | None:
        """The share in percent."""
        return None if self.share is None else 100 * self.share

    @property
    def low_percent(self) -> float | None:
        """The interval's lower end in percent."""
        return None if self.interval is None else 100 * self.interval[0]

    @property
    def high_percent(self) -> float | None:
        """The interval's upper end in percent."""
        return None if self.interval is None else 100 * self.interval[1]


def wilson(successes: int, total: int, *, z: float = Z_95) -> tuple[float, float]:
    """The score interval of a share, without a correction for continuity; 0 to 1 for no cases at all.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22 (1927), 209-212; recommended for small numbers by Brown, Cai and
    DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16 (2001), 101-133.
    Raises ValueError for counts that cannot be.

    >>> [round(end, 4) for end in wilson(8, 10)]
    [0.4902, 0.9433]
    >>> [round(end, 4) for end in wilson(0, 10)]
    [0.0, 0.2775]
    """
    if not 0 <= successes <= total:
        raise ValueError(f"{successes} of {total} is no share.")
    if total == 0:
        return 0.0, 1.0
    share = successes / total
    middle = share + z * z / (2 * total)
    spread = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    # At the ends the formula gives exactly 0 and 1; floating point gives a little beside them.
    low = 0.0 if successes == 0 else (middle - spread) / scale
    high = 1.0 if successes == total else (middle + spread) / scale
    return low, high
