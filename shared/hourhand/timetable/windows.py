"""The rule of Debian's cron(8) for clock changes, as windows of UTC in which local time runs straight.

A *wildcard* expression goes by elapsed time: what it names in skipped hours is gone, and repeated hours
count twice. Any other one is *fixed*: if a time it names is skipped, it fires once as soon as the clock
has changed, and of a repeated time only the first pass counts; `dst_gap` and `dst_overlap` can choose
otherwise. A change by more than three hours (a zone that crosses the date line) corrects the clock: all
follow the new time at once.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from hourhand.timetable.zones import BLOCK, Shift, offset, shifts

Gap = Literal["run_after", "skip"]
Overlap = Literal["first", "last", "both"]

LARGEST_SHIFT = 3 * 3600


@dataclass(frozen=True, slots=True)
class Window:
    """[start, end) in UTC seconds, with one offset.

    `fixed`: fixed expressions fire here too, not only wildcards. `skipped`: the local stretch that the
    change at `start` left out, and whose fixed firings happen at `start`.
    """

    start: int
    end: int
    offset: int
    fixed: bool
    skipped: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Policy:
    """What happens to fixed times that are skipped or repeated."""

    gap: Gap = "run_after"
    overlap: Overlap = "first"

    def made_up(self, shift: Shift) -> tuple[int, int] | None:
        """The local stretch that `shift` skips and whose fixed firings are made up for."""
        if self.gap == "skip" or not 0 < shift.after - shift.before <= LARGEST_SHIFT:
            return None
        return shift.at + shift.before, shift.at + shift.after

    def silent(self, shift: Shift) -> tuple[int, int] | None:
        """The UTC stretch in which the repetition by `shift` lets fixed expressions rest."""
        back = shift.before - shift.after
        if self.overlap == "both" or not 0 < back <= LARGEST_SHIFT:
            return None
        return (shift.at, shift.at + back) if self.overlap == "first" else (shift.at - back, shift.at)


@lru_cache(maxsize=4096)
def windows(zone: ZoneInfo, block: int, policy: Policy) -> tuple[Window, ...]:
    """One block of time, in order and without holes."""
    start, end = block * BLOCK, (block + 1) * BLOCK
    near = [shift for each in (block - 1, block, block + 1) for shift in shifts(zone, each)]
    silent = [stretch for shift in near if (stretch := policy.silent(shift))]
    skipped = {shift.at: stretch for shift in near if (stretch := policy.made_up(shift))}
    cuts = {start, end, *(shift.at for shift in near), *(edge for stretch in silent for edge in stretch)}
    return tuple(
        Window(
            start=left,
            end=right,
            offset=offset(zone, left),
            fixed=not any(begin <= left < stop for begin, stop in silent),
            skipped=skipped.get(left),
        )
        for left, right in pairwise(sorted(cut for cut in cuts if start <= cut <= end))
    )
