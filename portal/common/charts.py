"""Charts as numbers that a template draws as SVG, without a script or a style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from portal.common.intervals import Rate

WIDTH = 720
HEIGHT = 160
GAP_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Column:
    """One day: where its rectangle stands, in the units of the drawing, and what it says."""

    x: float
    y: float
    width: float
    height: float
    day: date
    value: int
    part: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One number of one day."""

    x: float
    y: float
    day: date
    value: int
    part: int


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines in a drawing of WIDTH by HEIGHT units: SVG's path data, and the points on them."""

    paths: list[str]
    points: list[Point]
    highest: int
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of WIDTH by HEIGHT units."""

    columns: list[Column]
    highest: int
    width: int = WIDTH
    height: int = HEIGHT


def of_days(values: Mapping[date, int]) -> Chart:
    """One column a day, the highest as high as the drawing.

    >>> chart = of_days({date(2026, 1, 1): 4, date(2026, 1, 2): 1})
    >>> [(one.x, one.y, one.width, one.height) for one in chart.columns]
    [(45.0, 0.0, 270.0, 160.0), (405.0, 120.0, 270.0, 40.0)]
    """
    return of_parts({day: (value,) for day, value in values.items()})


def of_parts(values: Mapping[date, Sequence[int]]) -> Chart:
    """The same, each column made of parts that stand on each other, the first one at the bottom.

    >>> chart = of_parts({date(2026, 1, 1): (3, 1), date(2026, 1, 2): (0, 0)})
    >>> [(one.y, one.height, one.part) for one in chart.columns]
    [(40.0, 120.0, 0), (0.0, 40.0, 1), (160.0, 0.0, 0), (160.0, 0.0, 1)]
    """
    highest = max((sum(parts) for parts in values.values()), default=0)
    step = WIDTH / max(len(values), 1)
    width = step * (1 - GAP_SHARE)
    columns = []
    for index, (day, parts) in enumerate(values.items()):
        x, y = step * index + step * GAP_SHARE / 2, float(HEIGHT)
        for part, value in enumerate(parts):
            # A day on which anything happened can be told from one on which nothing did.
            height = max(HEIGHT * value / highest, 1.0) if value else 0.0
            y = max(0.0, y - height)
            columns.append(
                Column(round(x, 2), round(y, 2), round(width, 2), round(height, 2), day, value, part)
            )
    return Chart(columns, highest)


def of_lines(values: Mapping[date, Sequence[int | None]]) -> Lines:
    """A line for each of the numbers that a day has, interrupted where it has none.

    >>> drawn = of_lines({date(2026, 1, 1): (4, 8), date(2026, 1, 2): (2, None)})
    >>> drawn.paths, [(one.x, one.y, one.part) for one in drawn.points]
    (['M180.0 80.0L540.0 120.0', 'M180.0 0.0'], [(180.0, 80.0, 0), (540.0, 120.0, 0), (180.0, 0.0, 1)])
    """
    highest = max((one for numbers in values.values() for one in numbers if one is not None), default=0)
    step = WIDTH / max(len(values), 1)
    paths, points = [], []
    for part in range(max(map(len, values.values()), default=0)):
        path, is_drawn = "", False
        for index, (day, numbers) in enumerate(values.items()):
            if (value := numbers[part]) is None:
                is_drawn = False
                continue
            x = round(step * (index + 0.5), 2)
            y = round(HEIGHT * (1 - value / highest), 2) if highest else float(HEIGHT)
            path += f"{'L' if is_drawn else 'M'}{x} {y}"
            is_drawn = True
            points.append(Point(x, y, day, value, part))
        paths.append(path)
    return Lines(paths, points, highest)


@dataclass(frozen=True, slots=True)
class Bar:
    """A share with its interval on a line of 100 units: how wide it is, and where the interval lies."""

    label: str
    rate: Rate
    width: float
    low: float
    spread: float


def of_rates(rates: Mapping[str, Rate]) -> list[Bar]:
    """One bar for each rate that has cases, in their order.

    >>> [(one.label, one.width, one.low, one.spread) for one in of_rates({"a": Rate(8, 10), "b": Rate(0, 0)})]
    [('a', 80.0, 49.02, 45.32)]
    """
    bars = []
    for label, rate in rates.items():
        if rate.share is None or rate.interval is None:
            continue
        low, high = (round(100 * end, 2) for end in rate.interval)
        bars.append(Bar(label, rate, round(100 * rate.share, 2), low, round(high - low, 2)))
    return bars
