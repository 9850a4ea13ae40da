"""Rows of `scheduled_jobs` as JSON: their defaults, what is the same, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from hourhand.bands import LIMIT, bands
from hourhand.errors import BadSchedule
from hourhand.schedules import SPANS, ScheduleFields

Row = Mapping[str, Any]

FIELDS = ("name", "description", "task", "payload", *(
    field for field in ScheduleFields.__annotations__ if field not in ("description", "payload")
))  # fmt: skip
"""What people set, in the order in which it is written."""

BY_HAND = frozenset({"is_active", "paused_until", "pause_note"})
"""What is steered by hand: a file that does not name it leaves it as it is."""

DEFAULTS: Row = {
    **dict.fromkeys(FIELDS),
    "payload": {},
    "priority": 0,
    "dst_gap": "run_after",
    "dst_overlap": "first",
    "catch_up": "last",
    "catch_up_limit": 100,
    "overlap": "skip",
    "is_active": True,
    "tags": [],
}
_INSTANTS = frozenset({"anchor", "starts_at", "ends_at", "paused_until"})
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def canonical(field: str, value: Any) -> Any:
    """What two values that mean the same have in common."""
    if value is None:
        return None
    if field in SPANS:
        return float(value)
    if field in _INSTANTS:
        return datetime.fromisoformat(value).astimezone(UTC)
    if field == "run_at":
        return datetime.fromisoformat(value)
    return _bands(value) if field == "rank_intervals" else value


def _bands(value: Any) -> Any:
    try:
        return bands(value)
    except BadSchedule:  # written in another way, by other means
        return value


def document(rows: Iterable[Row]) -> dict[str, Any]:
    """What these rows say, without defaults, as a file of schedules has it."""
    return {"schedules": [_shown(row) for row in rows]}


def written(rows: Iterable[Row]) -> str:
    """The same as YAML."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def represent_str(self, data: str) -> yaml.ScalarNode:
            # Only in double quotes does this one, a line break to YAML, come back.
            return self.represent_scalar("tag:yaml.org,2002:str", data, style='"' if "\x85" in data else None)

    Dumper.add_representer(str, Dumper.represent_str)
    text: str = yaml.dump(
        document(rows),
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
        default_flow_style=False,
    )
    return text


def _shown(row: Row) -> dict[str, Any]:
    given = {field: row.get(field) for field in FIELDS if row.get(field) != DEFAULTS[field]}
    return {field: told(field, value) for field, value in given.items()}


def told(field: str, value: Any) -> Any:
    """As people write it: durations as `15m`."""
    if field in SPANS and value is not None:
        return duration(value)
    if field == "rank_intervals" and isinstance(value, Mapping):
        return {
            rank: each if rank == LIMIT or not isinstance(each, int | float) else duration(each)
            for rank, each in value.items()
        }
    return value


def duration(seconds: float) -> str | float:
    """As `parse_duration` reads it back: `1d2h`; the number itself when there is less than a millisecond."""
    left = round(seconds * 1000)
    if left <= 0 or left != seconds * 1000:
        return seconds
    parts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        parts.append(f"{count}{unit}" if count else "")
    return "".join(parts)
