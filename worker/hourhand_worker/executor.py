"""Runs attempts: at most `concurrency` at once, each in the lane of its task's isolation."""

from asyncio import CancelledError
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from time import monotonic
from typing import Any

from hourhand import log
from hourhand.registry import Registry
from hourhand_worker.attempt import Attempt, Stop
from hourhand_worker.coroutines import AsyncLane
from hourhand_worker.desk import Call
from hourhand_worker.lane import Conclusion, End, Lane
from hourhand_worker.processes import ProcessLane
from hourhand_worker.threads import ThreadLane

Started = Callable[[Attempt], None]
Freed = Callable[[], None]


class Executor:
    """A slot is held from the start of an attempt to its end, or until the attempt is abandoned.

    An abandoned attempt is one whose end is decided while its thread, which nothing can stop, goes on.
    `started` and `conclude` are called in the thread that runs the attempt; `freed` whenever a slot has
    become free. Once it is `stopping` nothing is started. Tasks that run in processes reach the database by
    `call`.
    """

    def __init__(
        self,
        concurrency: int,
        started: Started,
        conclude: End,
        freed: Freed,
        stopping: Callable[[], bool],
        *,
        tasks: Registry,
        call: Call,
    ) -> None:
        self._concurrency = concurrency
        self._started = started
        self._conclude = conclude
        self._freed = freed
        self._stopping = stopping
        self._lock = Lock()
        self._ready: deque[Attempt] = deque()
        self._starting = True
        self.running = 0
        self.abandoned: Counter[str] = Counter()  # by isolation
        self._on_loop = AsyncLane(self._begin, self._end)
        self._in_processes = ProcessLane(self._enter, self._end, call, tasks, concurrency)
        self._lanes: dict[str, Lane] = {
            "async": self._on_loop,
            "thread": ThreadLane(self._begin, self._end),
            "process": self._in_processes,
        }

    @property
    def ready(self) -> int:
        return len(self._ready)

    @property
    def busy(self) -> bool:
        return bool(self.running or self._ready)

    @property
    def silence(self) -> float:
        """For how many seconds the event loop has been blocked. For the watchdog only."""
        return self._on_loop.silence()

    def warm_up(self) -> None:
        """Have a process ready before it is needed, from now on."""
        self._in_processes.warm_up()

    def submit(self, attempts: Iterable[Attempt]) -> None:
        with self._lock:
            self._ready.extend(attempts)
            starting = self._take()
        self._start(starting)

    def look(self) -> None:
        """See to it that what waits is run, where the system gave no thread for it before."""
        for lane in self._lanes.values():
            lane.look()

    def take_back(self) -> list[Attempt]:
        """Those that wait for a slot. Neither they nor any that come later will be started."""
        with self._lock:
            self._starting = False
            waiting = list(self._ready)
            self._ready.clear()
        return waiting

    def interrupt(self, attempt: Attempt) -> None:
        """Interrupt the attempt where its lane can."""
        self._lanes[attempt.task.isolation].interrupt(attempt)

    def free(self, attempt: Attempt) -> None:
        """Its end is written, for one that keeps its slot until then."""
        with self._lock:
            starting = self._vacate([attempt])
        self._start(starting)
        self._freed()

    def abandon(self, attempt: Attempt) -> None:
        """The end is decided, whatever the attempt is still doing."""
        with self._lock:
            if attempt.holds_slot and not attempt.over:
                attempt.abandoned = True
                self.abandoned[attempt.task.isolation] += 1
            starting = self._vacate([attempt])
        self._start(starting)
        self._freed()

    def close(self, timeout: float) -> None:
        for lane in self._lanes.values():
            lane.close(timeout)

    def _begin(self, attempt: Attempt) -> dict[str, Any]:
        """The arguments of the task's function. Raises CancelledError, and BadPayload."""
        self._enter(attempt)
        return attempt.task.arguments(attempt.row["payload"], attempt.run)

    def _enter(self, attempt: Attempt) -> None:
        # Written first, and looked at after it was told to stop: one of the two sees the other.
        attempt.started = monotonic()
        if attempt.stop is not None:
            attempt.started = 0.0
            raise CancelledError(attempt.reason)
        log.bind(run_id=attempt.id, attempt=attempt.row["attempt"])
        self._started(attempt)

    def _end(self, ended: Sequence[Conclusion]) -> None:
        self._conclude(ended)
        with self._lock:
            for attempt, _, _ in ended:
                attempt.over = True
                if attempt.abandoned:
                    self.abandoned[attempt.task.isolation] -= 1
            starting = self._vacate(attempt for attempt, _, _ in ended if not attempt.keeps_slot)
        self._start(starting)
        self._freed()

    def _vacate(self, attempts: Iterable[Attempt]) -> list[Attempt]:
        """Their slots are free now; those that can start instead. The lock is held."""
        for attempt in attempts:
            if attempt.holds_slot:
                attempt.holds_slot = False
                self.running -= 1
        return self._take()

    def _take(self) -> list[Attempt]:
        starting = []
        while self._ready and self.running < self._concurrency and self._starting and not self._stopping():
            attempt = self._ready.popleft()
            if attempt.stop is not Stop.LOST:
                attempt.holds_slot = True
                self.running += 1
                starting.append(attempt)
        return starting

    def _start(self, attempts: Sequence[Attempt]) -> None:
        for isolation, lane in self._lanes.items():
            if suitable := [attempt for attempt in attempts if attempt.task.isolation == isolation]:
                lane.put(suitable)
