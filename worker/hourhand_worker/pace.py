"""When to look at the queue again."""

from collections.abc import Mapping
from typing import Any

from hourhand_worker.clock import seconds_between

LADDER = (0.02, 0.1, 0.3, 1.0)
"""Seconds between looks for a run whose instant has come but which is not there yet."""


class Pace:
    """Answers of `claim` in, seconds to wait out: until the next known instant, at most until the poll.

    Instants are compared by the database's clock. One that has passed is looked for a few times and then left
    to the poll: whatever keeps it from starting, it makes no hot loop.
    """

    def __init__(self, poll: float) -> None:
        self._poll = poll
        self._awaited: str | None = None
        self._looks = 0

    def after(self, answer: Mapping[str, Any]) -> float:
        if answer["full"]:
            return 0.0
        instant = answer["next_at"]
        if instant is None:
            return self._poll
        if instant != self._awaited:
            self._awaited, self._looks = instant, 0
        left = seconds_between(answer["now"], instant)
        return min(left, self._poll) if left > 0 else self._next_look()

    def _next_look(self) -> float:
        if self._looks == len(LADDER):
            return self._poll
        self._looks += 1
        return min(LADDER[self._looks - 1], self._poll)
