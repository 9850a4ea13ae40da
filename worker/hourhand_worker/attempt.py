"""One attempt at a run: what a worker holds, from its claim to the database's word that it is over."""

from collections.abc import Mapping
from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from hourhand.run import Reporter, Run
from hourhand.tasks import Task

if TYPE_CHECKING:
    import asyncio

    from opentelemetry.trace import Span

Result = dict[str, Any]
"""What the function `finish` takes for one attempt."""


class Stop(Enum):
    """Why an attempt was told to stop."""

    CANCELLED = auto()
    TIMED_OUT = auto()
    SHUTDOWN = auto()
    LOST = auto()


_NOTHING: frozenset[Stop] = frozenset()


class Attempt:
    """`started` is the moment (monotonic) at which the task's function was called, 0 before.

    It `holds_slot` of the executor, and `keeps_slot` until its end is written; it is `abandoned` when its end
    was decided while it ran, and `over` when the task's function has ended. `host` is the task of asyncio in
    which it waits, if it does; `span` its span, where traces are made.
    """

    __slots__ = (
        "_said",
        "abandoned",
        "holds_slot",
        "host",
        "id",
        "keeps_slot",
        "over",
        "reason",
        "row",
        "run",
        "session",
        "span",
        "started",
        "stop",
        "task",
        "timeout",
        "token",
    )

    def __init__(
        self, row: Mapping[str, Any], task: Task[..., Any], session: str, reporter: Reporter
    ) -> None:
        self.id: int = row["id"]
        self.token: str = row["token"]
        self.row = row
        self.session = session
        self.task = task
        self.timeout: float | None = row["timeout"]
        self.run = Run(row, reporter)
        self.started = 0.0
        self.stop: Stop | None = None
        self._said = _NOTHING
        self.reason = ""
        self.holds_slot = self.keeps_slot = False
        self.abandoned = self.over = False
        self.host: asyncio.Task[None] | None = None
        self.span: Span | None = None

    def __repr__(self) -> str:
        return f"<Attempt {self.row['attempt']} of run {self.id} of {self.task.name}>"

    @property
    def number(self) -> int:
        """Which of the attempts that count this is: those whose worker was lost do not."""
        return max(1, int(self.row["attempt"]) - int(self.row["lost_count"]))

    @property
    def is_last(self) -> bool:
        return self.number >= int(self.row["max_attempts"])

    @property
    def held(self) -> dict[str, Any]:
        """How the functions `beat` and `release` name it."""
        return {"id": self.id, "token": self.token}

    def tell_to_stop(self, why: Stop, reason: str) -> bool:
        """Only the first word counts. An async task has to be interrupted besides, if this is True: once for
        each word, however often it is said, for it may be cleaning up.
        """
        is_new, self._said = why not in self._said, self._said | {why}
        if self.stop is None:
            self.stop, self.reason = why, reason
        with suppress(AttributeError):  # the task may have taken its run apart
            self.run.stop(reason)
        return is_new
