"""Time zones by name, and where their offset from UTC changes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from hourhand.timetable.refusal import BadTiming

BLOCK = 1 << 25
"""Seconds (a little more than a year) whose changes are found and kept together."""

# No zone of the tz database, since its first year, has gone there and back within three days.
_STRIDE = 2 * 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MEANT = {
    "EST": "America/New_York",
    "EST5EDT": "America/New_York",
    "EDT": "America/New_York",
    "CST": "America/Chicago",
    "CST6CDT": "America/Chicago",
    "CDT": "America/Chicago",
    "MST": "America/Denver",
    "MST7MDT": "America/Denver",
    "MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PST8PDT": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "HST": "Pacific/Honolulu",
    "BST": "Europe/London",
    "GB": "Europe/London",
    "CET": "Europe/Berlin",
    "CEST": "Europe/Berlin",
    "MET": "Europe/Berlin",
    "EET": "Europe/Athens",
    "WET": "Europe/Lisbon",
    "MSK": "Europe/Moscow",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "ROK": "Asia/Seoul",
    "PRC": "Asia/Shanghai",
    "ROC": "Asia/Taipei",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
    "NZ": "Pacific/Auckland",
    "Z": "UTC",
    "UCT": "UTC",
}
_OFFSET = re.compile(r"[+-]\d")
_NO_PLACES = {"Factory", "localtime", "posixrules"}


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    names = available_timezones() - _NO_PLACES
    return frozenset(name for name in names if name in ("UTC", "GMT") or not _abbreviates(name))


def _abbreviates(name: str) -> bool:
    return name.isalnum() and name == name.upper()


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone with this name in the tz database. Raises BadTiming, also for ambiguous abbreviations."""
    if name in _known():
        return ZoneInfo(name)
    if _OFFSET.search(name):
        hint = "an offset knows no summer time: write a place, such as Europe/Berlin"
        raise BadTiming(f"timezone {name[:64]!r} is an offset", hint, field="timezone")
    problem = "is an abbreviation" if _abbreviates(name) and len(name) <= 8 else "is not known"
    meant = _MEANT.get(name.upper()) or _closest(name)
    hint = (
        f"did you mean {meant}?" if meant else "write a name such as Europe/Berlin, America/New_York or UTC"
    )
    raise BadTiming(f"timezone {name[:64]!r} {problem}", hint, field="timezone")


def _closest(name: str) -> str | None:
    from difflib import get_close_matches

    by_lower = {known.lower(): known for known in _known()}
    found = get_close_matches(name[:64].lower().replace(" ", "_"), by_lower, n=1)
    return by_lower[found[0]] if found else None


# --- Offsets ---


@dataclass(frozen=True, slots=True)
class Shift:
    """At `at`, in seconds since 1970 UTC, the offset changes from `before` to `after`, in seconds."""

    at: int
    before: int
    after: int


def offset(of: ZoneInfo, at: int) -> int:
    """Seconds that local time is ahead of UTC at `at`, in seconds since 1970 UTC."""
    ahead = (_EPOCH + timedelta(seconds=at)).astimezone(of).utcoffset()
    assert ahead is not None
    return ahead // timedelta(seconds=1)


@lru_cache(maxsize=4096)
def shifts(of: ZoneInfo, block: int) -> tuple[Shift, ...]:
    """The changes of offset in a block, in order. zoneinfo does not list them, so they are searched for."""
    samples = [*range(block * BLOCK, (block + 1) * BLOCK, _STRIDE), (block + 1) * BLOCK]
    found = []
    before, since = offset(of, samples[0] - 1), samples[0] - 1
    for sample in samples[1:]:
        after = offset(of, sample - 1)
        if after != before:
            found.append(Shift(_turn(of, since, sample - 1, before), before, after))
        before, since = after, sample - 1
    return tuple(found)


def _turn(of: ZoneInfo, start: int, end: int, before: int) -> int:
    """The first second in (start, end] whose offset is no longer `before`."""
    while end - start > 1:
        middle = (start + end) // 2
        if offset(of, middle) == before:
            start = middle
        else:
            end = middle
    return end


def offsets(of: ZoneInfo, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """[start, end) in pieces of one offset each: (start, end, offset), in UTC seconds."""
    for block in range(start // BLOCK, (end - 1) // BLOCK + 1):
        for shift in shifts(of, block):
            if start < shift.at < end:
                yield start, shift.at, shift.before
                start = shift.at
    if start < end:
        yield start, end, offset(of, start)
