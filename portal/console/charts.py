"""Column charts as numbers that a template draws as SVG, without a script or a style."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

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
    highest = max(values.values(), default=0)
    step = WIDTH / max(len(values), 1)
    columns = []
    for index, (day, value) in enumerate(values.items()):
        # A day on which anything happened can be told from one on which nothing did.
        height = max(HEIGHT * value / highest, 1.0) if value else 0.0
        x = step * index + step * GAP_SHARE / 2
        width = step * (1 - GAP_SHARE)
        columns.append(
            Column(round(x, 2), round(HEIGHT - height, 2), round(width, 2), round(height, 2), day, value)
        )
    return Chart(columns, highest)
