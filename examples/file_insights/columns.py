"""What the cells of a column are (numbers, dates or words), and what can be said about them."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from statistics import fmean, median, stdev
from typing import Any, Literal, TypeVar

Kind = Literal["number", "date", "words", "empty"]
T = TypeVar("T")

ENOUGH = 0.95  # of the filled cells have to be of a kind for the column to be of it
LARGEST = 1e100  # the square of a much larger number is infinite
MISSING = frozenset({"", "-", "na", "n/a", "nan", "null", "none", "?"})
DATE_FORMATS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%b %d %Y", "%d %b %Y", "%B %d, %Y"),
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y-%m"),
)
_NUMBER = re.compile(r"[-+]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?(e[-+]?\d+)?", re.IGNORECASE)
_COMMA_NUMBER = re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_UNITS = re.compile(r"^[$€£]\s*|\s*[%€$£]$")


@dataclass(frozen=True, slots=True)
class Column:
    """`numbers` and `dates` have a place per row, None where the cell says nothing of the kind."""

    name: str
    kind: Kind
    filled: int
    cells: Sequence[str]
    numbers: Sequence[float | None] = ()
    dates: Sequence[datetime | None] = ()

    @property
    def values(self) -> list[float]:
        return [number for number in self.numbers if number is not None]


def read_column(name: str, cells: Sequence[str]) -> Column:
    filled = [cell for cell in cells if cell.lower() not in MISSING]
    if not filled:
        return Column(name, "empty", 0, cells)
    if _mostly(number_of, filled):
        return Column(name, "number", len(filled), cells, numbers=[number_of(cell) for cell in cells])
    for form in DATE_FORMATS:
        read = partial(_date_of, form)
        if _mostly(read, filled):
            return Column(name, "date", len(filled), cells, dates=[read(cell) for cell in cells])
    return Column(name, "words", len(filled), cells)


def number_of(cell: str) -> float | None:
    """Read `1234.5`, `1,234.5`, `1234,5`, `12 %` and `$3`."""
    bare = _UNITS.sub("", cell)
    if _NUMBER.fullmatch(bare):
        return _within(float(bare.replace(",", "")))
    if _COMMA_NUMBER.fullmatch(bare):
        return _within(float(bare.replace(".", "").replace(",", ".")))
    return None


def profile(column: Column) -> dict[str, Any]:
    """The kind of a column, how much of it is filled, and its extent or its most common words."""
    facts: dict[str, Any] = {
        "kind": column.kind,
        "filled": column.filled,
        "missing": len(column.cells) - column.filled,
        "different": len(set(column.cells)),
    }
    if values := column.values:
        facts |= {"min": min(values), "max": max(values), "mean": _short(fmean(values))}
        facts |= {"median": _short(median(values)), "deviation": _short(stdev(values)) if values[1:] else 0.0}
    elif dates := [date for date in column.dates if date is not None]:
        facts |= {"from": min(dates).isoformat(), "until": max(dates).isoformat()}
    elif column.filled:
        common = Counter(cell for cell in column.cells if cell.lower() not in MISSING).most_common(3)
        facts["most_common"] = [[word[:100], count] for word, count in common]
    return facts


def _mostly(read: Callable[[str], T | None], filled: Sequence[str]) -> bool:
    # The first cells tell of most columns that they are of another kind, without reading them all.
    head = filled[:20]
    if sum(read(cell) is not None for cell in head) < ENOUGH * len(head) - 1:
        return False
    return sum(read(cell) is not None for cell in filled) >= ENOUGH * len(filled)


def _within(number: float) -> float | None:
    return number if abs(number) < LARGEST else None


def _date_of(form: str, cell: str) -> datetime | None:
    try:
        return datetime.strptime(cell, form)  # noqa: DTZ007  (tables name no zone)
    except ValueError:
        return None


def _short(value: float) -> float:
    return float(f"{value:.6g}")
