"""The schedules that become due before the next look at the database, earliest first."""

import heapq
from collections import deque
from datetime import datetime

from hourhand_scheduler.schedule import Schedule


class Agenda:
    """Holds each schedule once, as it was put last.

    `begin` and `complete` frame a reading of the database: what was not put in between is dropped.
    """

    def __init__(self) -> None:
        self._schedules: dict[int, Schedule] = {}
        self._seen: set[int] = set()
        # These two may name what has left or changed since; `_schedules` decides.
        self._planned: list[tuple[datetime, int]] = []
        self._unplanned: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._schedules)

    def put(self, schedule: Schedule) -> None:
        self._schedules[schedule.id] = schedule
        self._seen.add(schedule.id)
        if schedule.next_run_at is None:
            self._unplanned.append(schedule.id)
        else:
            heapq.heappush(self._planned, (schedule.next_run_at, schedule.id))

    def begin(self) -> None:
        self._seen.clear()

    def complete(self) -> None:
        kept = [schedule for schedule in self._schedules.values() if schedule.id in self._seen]
        self.clear()
        for schedule in kept:
            self.put(schedule)

    def clear(self) -> None:
        for part in (self._schedules, self._seen, self._planned, self._unplanned):
            part.clear()

    def next_at(self) -> datetime | None:
        """The earliest instant; None when nothing is planned."""
        while self._planned and not self._holds(self._planned[0][1], self._planned[0][0]):
            heapq.heappop(self._planned)
        return self._planned[0][0] if self._planned else None

    def has_due(self, now: datetime) -> bool:
        at = self.next_at()
        return (at is not None and at <= now) or any(self._holds(id_, None) for id_ in self._unplanned)

    def take(self, now: datetime, limit: int) -> list[Schedule]:
        """Removes and returns up to `limit` that are due at `now`; those without an instant yet come last."""
        taken: list[Schedule] = []
        while len(taken) < limit and (at := self.next_at()) is not None and at <= now:
            taken.append(self._schedules.pop(self._planned[0][1]))
        while len(taken) < limit and self._unplanned:
            id_ = self._unplanned.popleft()
            if self._holds(id_, None):
                taken.append(self._schedules.pop(id_))
        return taken

    def _holds(self, id_: int, at: datetime | None) -> bool:
        schedule = self._schedules.get(id_)
        return schedule is not None and schedule.next_run_at == at
