"""Many rows as one JSON object, an array for each field: half as long, and less work for both sides."""

from collections.abc import Mapping, Sequence
from typing import Any


def rows(columns: Mapping[str, Sequence[Any]] | Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each a dict. Takes a list of rows as it is, too."""
    if not isinstance(columns, Mapping):
        return list(columns)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
