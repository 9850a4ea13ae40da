"""Many rows as one JSON object: half as long, and less work for both sides.

For each field it has an array, a value for each row; or the value itself where all rows have the same, for
fields whose values are never arrays.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def rows(columns: Mapping[str, Any] | Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each a dict. Takes a list of rows as it is, too."""
    if not isinstance(columns, Mapping):
        return list(columns)
    same = {name: value for name, value in columns.items() if not isinstance(value, list)}
    varying = {name: values for name, values in columns.items() if name not in same}
    return [same | dict(zip(varying, values, strict=True)) for values in zip(*varying.values(), strict=True)]


def columns(rows: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[str, list[Any]]:
    """An array for each of these fields; None for a row without it."""
    return {name: [row.get(name) for row in rows] for name in names}
