"""What stands out in the columns of a table: values far from the others, trends over time, relations.

And in a text: how long it is, and its words.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from statistics import StatisticsError, correlation, fmean, linear_regression, quantiles
from typing import Any

from examples.file_insights.columns import Column

FENCE = 3.0  # times the distance of the quartiles: beyond it Tukey calls a value "far out"
RARE = 0.05  # of the values: more are no anomalies but a long tail
FEWEST = 8  # values below which nothing is said
MOST_COLUMNS = 12  # of numbers that are compared with each other
CLEAR_TREND = 0.5  # of r²
CLOSE = 0.8  # of |r|
DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Outliers:
    column: str
    low: float
    high: float
    count: int
    examples: list[dict[str, float]]

    @property
    def sentence(self) -> str:
        first = self.examples[0]
        values = "value" if self.count == 1 else "values"
        return (
            f"{self.column} has {self.count} {values} outside {self.low:g} to {self.high:g},"
            f" such as {first['value']:g} in row {first['row']:g}."
        )


@dataclass(frozen=True, slots=True)
class Trend:
    column: str
    over: str
    per_year: float
    share: float  # of the mean, a year
    days: float  # from the first point to the last
    fit: float  # r²
    points: int

    @property
    def sentence(self) -> str:
        way = "rises" if self.per_year > 0 else "falls"
        years = min(1.0, self.days / DAYS_A_YEAR)  # a month does not tell what a year will bring
        when = f"in {self.days:.4g} days" if years < 1 else "a year"
        change = f"{abs(self.per_year) * years:.4g} {when} ({abs(self.share) * years:.0%} of its mean)"
        return f"{self.column} {way} over {self.over} by {change}."


@dataclass(frozen=True, slots=True)
class Relation:
    one: str
    other: str
    correlation: float
    points: int

    @property
    def sentence(self) -> str:
        way = "together" if self.correlation > 0 else "in opposite ways"
        return f"{self.one} and {self.other} move {way} (r = {self.correlation:.2f})."


def trust(points: int) -> float:
    """How far so many values can be trusted: 0.5 for ten, 0.9 for ninety."""
    return points / (points + 10)


def duplicates(columns: Sequence[Column]) -> int:
    """Rows that repeat an earlier one."""
    rows = list(zip(*(column.cells for column in columns), strict=True))
    return len(rows) - len(set(rows))


def outliers(column: Column) -> Outliers | None:
    values = column.values
    if len(values) < FEWEST:
        return None
    first, _, third = quantiles(values, n=4)
    if first == third:  # most are one value, so that every other would be far out
        return None
    low, high = first - FENCE * (third - first), third + FENCE * (third - first)
    out = [(row, value) for row, value in enumerate(column.numbers, 1) if value is not None]
    out = sorted(
        (at for at in out if not low <= at[1] <= high), key=lambda at: -abs(at[1] - (low + high) / 2)
    )
    if not out or len(out) > max(1, RARE * len(values)):
        return None
    examples = [{"row": float(row), "value": value} for row, value in out[:5]]
    return Outliers(column.name, low, high, len(out), examples)


def trends(columns: Sequence[Column]) -> Iterator[Trend]:
    """Yield the numbers that rise or fall clearly with the first column of dates."""
    time = next((column for column in columns if column.kind == "date"), None)
    if time is None:
        return
    for column in _numbers(columns):
        series = _series(time, column)
        if len(series) >= FEWEST and (trend := _trend(column.name, time.name, series)):
            yield trend


def relations(columns: Sequence[Column]) -> list[Relation]:
    """The five closest pairs of columns."""
    pairs = (_relation(one, other) for one, other in combinations(_numbers(columns), 2))
    close = (pair for pair in pairs if pair and abs(pair.correlation) >= CLOSE)
    return sorted(close, key=lambda pair: -abs(pair.correlation))[:5]


def words(text: str) -> dict[str, Any]:
    found = re.findall(r"\w+", text.lower())
    common = Counter(word for word in found if len(word) > 4).most_common(10)
    return {
        "lines": len(text.splitlines()),
        "words": len(found),
        "most_common": [list(pair) for pair in common],
    }


def _numbers(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if column.kind == "number"][:MOST_COLUMNS]


def _series(time: Column, column: Column) -> list[tuple[datetime, float]]:
    """The mean of each date, in the order of time."""
    by_date = defaultdict[datetime, list[float]](list)
    for date, value in zip(time.dates, column.numbers, strict=True):
        if date is not None and value is not None:
            by_date[date].append(value)
    return [(date, fmean(values)) for date, values in sorted(by_date.items())]


def _trend(name: str, over: str, series: Sequence[tuple[datetime, float]]) -> Trend | None:
    start = series[0][0]
    days = [(date - start).total_seconds() / 86_400 for date, _ in series]
    values = [value for _, value in series]
    try:
        slope = linear_regression(days, values).slope * DAYS_A_YEAR
        fit = correlation(days, values) ** 2
    except StatisticsError:  # all values, or all dates, are one
        return None
    mean = fmean(values)
    if fit < CLEAR_TREND:
        return None
    return Trend(name, over, slope, slope / abs(mean) if mean else 0.0, days[-1], fit, len(series))


def _relation(one: Column, other: Column) -> Relation | None:
    both = [
        (a, b) for a, b in zip(one.numbers, other.numbers, strict=True) if a is not None and b is not None
    ]
    if len(both) < FEWEST:
        return None
    try:
        return Relation(one.name, other.name, correlation(*zip(*both, strict=True)), len(both))
    except StatisticsError:
        return None
