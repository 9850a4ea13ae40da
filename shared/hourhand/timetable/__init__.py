"""When schedules fire: cron expressions, intervals and single moments, in any time zone.

Everything here is pure: no clock is read, nothing is waited for, every call is bounded.
"""

from collections.abc import Mapping
from datetime import datetime

from hourhand.timetable.english import describe
from hourhand.timetable.instants import END, instant
from hourhand.timetable.notes import DstNote, dst_notes
from hourhand.timetable.refusal import BadTiming
from hourhand.timetable.timetable import Stretch, Tail, Timetable
from hourhand.timetable.validate import validate
from hourhand.timetable.windows import Gap, Overlap

__all__ = [
    "BadTiming",
    "DstNote",
    "Stretch",
    "Tail",
    "Timetable",
    "describe",
    "dst_notes",
    "firings",
    "validate",
]


def firings(
    cron: str,
    timezone: str,
    after: datetime,
    n: int,
    dst_gap: Gap = "run_after",
    dst_overlap: Overlap = "first",
    *,
    name: str | None = None,
) -> list[datetime]:
    """The next `n` instants strictly after `after` (aware) at which `cron` fires in `timezone`, in UTC.

    `cron` has five fields, or six with the second first; `;` separates several expressions. Around clock
    changes the rule is that of Debian's cron(8), see `hourhand.timetable.windows`; for fixed times
    `dst_gap` and `dst_overlap` can choose otherwise. `name` is the schedule's, for H. Raises BadSchedule,
    and ValueError if `after` has no zone.
    """
    row: Mapping[str, object] = {
        "cron": cron,
        "timezone": timezone,
        "dst_gap": dst_gap,
        "dst_overlap": dst_overlap,
        "name": name,
    }
    return Timetable.of(row).between(after, instant(END), n)
