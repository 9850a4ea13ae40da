"""The bands of a fleet: how long after its last completion an item is due again, by its rank.

    {"81": "1d", "61": "2d", "1": "5d", "limit": 50}

A key is the lowest rank of its band (1 to 100); `limit` is how many items one firing starts at most.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hourhand.durations import parse_duration
from hourhand.errors import BadSchedule

LIMIT = "limit"
MOST = 10_000
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=36_525)
_EXAMPLE = 'Write them as {"81": "1d", "61": "2d", "1": "5d", "limit": 50}.'


def bands(value: object) -> dict[str, Any]:
    """As the column `rank_intervals` has them: durations in seconds. Raises BadSchedule."""
    if not isinstance(value, Mapping) or not value:
        raise BadSchedule("rank_intervals: not an object of intervals by rank", _EXAMPLE)
    return {str(key): _limit(each) if key == LIMIT else _seconds(key, each) for key, each in value.items()}


def _limit(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST:
        return value
    raise BadSchedule(f"rank_intervals: limit {value!r} is not a whole number from 1 to {MOST}")


def _seconds(rank: object, value: object) -> float:
    if str(rank) not in _RANKS:
        raise BadSchedule(f"rank_intervals: {rank!r} is neither a rank from 1 to 100 nor {LIMIT}", _EXAMPLE)
    try:
        span = _span(value)
    except (ValueError, OverflowError) as error:
        raise BadSchedule(f"rank_intervals: rank {rank}: {error}") from None
    if not _SHORTEST <= span <= _LONGEST:
        raise BadSchedule(f"rank_intervals: rank {rank}: {value} is not between a second and a century")
    return span.total_seconds()


_RANKS = {str(rank) for rank in range(1, 101)}


def _span(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not a duration")  # noqa: TRY004  (told like any other)
    return parse_duration(value) if isinstance(value, str) else timedelta(seconds=value)
