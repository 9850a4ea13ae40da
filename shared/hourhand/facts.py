"""What the database knows about one instant of a schedule: the answer of `explain_firing`, typed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from hourhand.durations import format_duration
from hourhand.timetable import Timetable, dst_notes

Row = Mapping[str, Any]

_NEAR = timedelta(hours=26)
"""Clock changes of up to a day touch an instant at most so far away."""


class Facts:
    """Times are instants in UTC; where they are told, they are in the zone of the schedule."""

    def __init__(self, answer: Row, default_timezone: str) -> None:
        self.now = instant(answer["now"])
        self.at = instant(answer["at"])
        self.schedule: Row = answer["schedule"]
        self.firing: Row | None = answer["firing"]
        self.run: Row | None = answer["run"]
        self.made_up_by: Row | None = answer["made_up_by"]
        self.next_firing: Row | None = answer["next_firing"]
        self.then: Row = answer["then"]
        self.pause: Row | None = answer["pause"]
        self.next_change: Row | None = answer["next_change"]
        self.schedulers: Row = answer["schedulers"]
        self.live_run: Row | None = answer["live_run"]
        self.task_is_known: bool = answer["task_is_known"]
        self._default_timezone = default_timezone

    @property
    def is_past(self) -> bool:
        return self.at <= self.now

    @property
    def timezone(self) -> str:
        return str(self.schedule["timezone"] or self._default_timezone)

    @property
    def row(self) -> Row:
        """The schedule that counts for the instant: as it was then, or for what is to come as it is."""
        return (
            {**self.then, "timezone": self.then["timezone"] or self.timezone}
            if self.is_past
            else self.schedule
        )

    @cached_property
    def timetable(self) -> Timetable:
        """Raises BadSchedule."""
        return Timetable.of(self.row, self.timezone)

    @property
    def is_instant(self) -> bool:
        return self.timetable.next(self.at - timedelta(microseconds=1)) == self.at

    @property
    def lies_between(self) -> bool:
        """Whether a stretch of the ledger goes over this moment, which is none of its instants."""
        firing = self.firing
        if firing is None or firing["count"] == 1:
            return False
        ends = {instant(firing["scheduled_for"]), instant(firing["scheduled_until"])}
        return self.at not in ends and not self.is_instant

    @property
    def clock_change(self) -> str | None:
        """What a change of the clocks does to this instant."""
        row = self.row
        if not row["cron"]:
            return None
        local = self.at.astimezone(ZoneInfo(self.timezone)).replace(tzinfo=None)
        notes = dst_notes(
            row["cron"],
            self.timezone,
            self.at - _NEAR,
            self.at + _NEAR,
            row["dst_gap"],
            row["dst_overlap"],
            name=row["name"],
        )
        touching = (
            note.text
            for note in notes
            if (note.at == self.at if note.kind == "skipped" else note.begin <= local < note.end)
        )
        return next(touching, None)

    # --- Words ---

    def local(self, at: datetime | str) -> str:
        moment = instant(at) if isinstance(at, str) else at
        return moment.astimezone(ZoneInfo(self.timezone)).strftime("%Y-%m-%d %H:%M:%S %Z")

    def since(self, at: datetime | str) -> str:
        """The distance from the instant."""
        moment = instant(at) if isinstance(at, str) else at
        return format_duration(abs(moment - self.at))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
