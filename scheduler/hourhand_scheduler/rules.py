"""Which of the instants that are due may run, and why the others do not."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property

from hourhand.durations import format_duration
from hourhand_scheduler.firing import Verdict
from hourhand_scheduler.schedule import Schedule

GRACE = timedelta(seconds=60)
"""The newest instant is on time up to this age. Not older ones: a schedule of seconds would have many."""

SHORTEST_WINDOW, LONGEST_WINDOW = timedelta(hours=1), timedelta(hours=24)


class Rules:
    """The policies of one schedule at one moment; `newest` is the last instant that is due."""

    def __init__(self, schedule: Schedule, now: datetime, newest: datetime) -> None:
        self.schedule = schedule
        self.now = now
        self._newest = newest

    @cached_property
    def _window(self) -> timedelta:
        """For late instants only: most firings need none."""
        return _window(self.schedule, self._newest)

    def on_time(self, at: datetime) -> bool:
        return at == self._newest and self.now - at <= GRACE

    def verdict(self, at: datetime) -> Verdict | None:
        """Why this instant does not run, whatever the others do; None when it may."""
        schedule, age = self.schedule, self.now - at
        if excluded := schedule.timetable.excluded(at):
            return Verdict("excluded", f"excluded by {excluded}")
        if schedule.paused_until is not None and at < schedule.paused_until:
            return Verdict("paused", f"paused until {schedule.paused_until:%Y-%m-%d %H:%M:%S} UTC")
        if schedule.start_deadline is not None and age > schedule.start_deadline:
            return _late("expired", schedule.start_deadline, "start_deadline")
        if self.on_time(at):
            return None
        if schedule.catch_up == "skip":
            return Verdict("missed", "was not fired on time (catch_up skip)")
        return _late("missed", self._window, "catch_up_window") if age > self._window else None

    def chosen(self, candidates: Sequence[datetime]) -> Sequence[datetime]:
        """Those that run; never more than the schedule has left."""
        if self.schedule.catch_up == "last":
            candidates = candidates[-1:]
        return candidates[: self.schedule.runs_left]

    @cached_property
    def superseded(self) -> Verdict:
        """Why an instant that may run is not among the chosen."""
        if self.schedule.catch_up == "last":
            return Verdict("coalesced", "made up for by a later run (catch_up last)")
        return Verdict("missed", f"more than {self.schedule.catch_up_limit} were due (catch_up_limit)")

    def boundaries(self, first: datetime, end: datetime) -> list[datetime]:
        """Where between `first` and `end` the verdict may change with the age of an instant, in order."""
        found = [self.now - self._window]
        if self.schedule.paused_until is not None:
            found.append(self.schedule.paused_until)
        if self.schedule.start_deadline is not None:
            found.append(self.now - self.schedule.start_deadline)
        return sorted(at for at in found if first < at < end)


def _late(decision: str, limit: timedelta, policy: str) -> Verdict:
    return Verdict(decision, f"more than {format_duration(limit)} late ({policy})")


def _window(schedule: Schedule, newest: datetime) -> timedelta:
    if schedule.catch_up_window is not None:
        return schedule.catch_up_window
    following = schedule.timetable.next(newest)
    period = LONGEST_WINDOW if following is None else following - newest
    return max(SHORTEST_WINDOW, min(period, LONGEST_WINDOW))
