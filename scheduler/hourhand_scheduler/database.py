"""The two calls of a scheduler, typed; each answer also sets the clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hourhand.transport import Transport
from hourhand_scheduler.clock import DatabaseClock
from hourhand_scheduler.firing import Firing


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of `scheduled_jobs`; `more` is where the next page begins, None after the last."""

    now: datetime
    rows: Sequence[Mapping[str, Any]]
    more: object


@dataclass(frozen=True, slots=True)
class Fired:
    """What became of each firing, by schedule."""

    now: datetime
    results: Mapping[int, Mapping[str, Any]]


class Database:
    """Raises the TransportErrors."""

    def __init__(self, transport: Transport, clock: DatabaseClock) -> None:
        self._transport = transport
        self._clock = clock

    def due_schedules(self, horizon: timedelta, limit: int, after: object) -> Page:
        params = {"p_horizon": horizon.total_seconds(), "p_limit": limit, "p_after": after}
        now, answer = self._call("due_schedules", params)
        return Page(now, answer["schedules"], answer["more"])

    def fire(self, session: str, firings: Sequence[Firing]) -> Fired:
        params = {"p_session": session, "p_firings": [firing.as_json() for firing in firings]}
        now, answer = self._call("fire", params)
        return Fired(now, {result["schedule_id"]: result for result in answer["results"]})

    def _call(self, function: str, params: Mapping[str, object]) -> tuple[datetime, Mapping[str, Any]]:
        sent = self._clock.monotonic()
        answer = self._transport.call(function, params)
        now = datetime.fromisoformat(answer["now"])
        self._clock.observe(sent, now)
        return now, answer
