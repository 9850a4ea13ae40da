"""Runs `def` tasks, each in a thread."""

import contextvars
import inspect
from collections.abc import Sequence
from queue import SimpleQueue
from threading import Lock, Thread

from hourhand_worker.attempt import Attempt
from hourhand_worker.lane import Begin, End


class ThreadLane:
    """As many threads as there were ever attempts at once.

    An own pool, because a thread that is abandoned has to be replaced and must not hold up the exit of the
    process, neither of which `concurrent.futures` allows.
    """

    def __init__(self, begin: Begin, end: End) -> None:
        self._begin = begin
        self._end = end
        self._queue: SimpleQueue[Attempt | None] = SimpleQueue()
        self._lock = Lock()
        self._threads = 0
        self._waiting = 0  # threads without work, less the attempts on their way to one

    def put(self, attempts: Sequence[Attempt]) -> None:
        with self._lock:
            self._waiting -= len(attempts)
            missing = max(0, -self._waiting)
            self._waiting += missing
            self._threads += missing
            last = self._threads
        for attempt in attempts:
            self._queue.put(attempt)
        for number in range(last - missing + 1, last + 1):
            Thread(target=self._work, name=f"hourhand-task-{number}", daemon=True).start()

    def interrupt(self, attempt: Attempt) -> None:
        """A thread can't be interrupted: its task sees `run.cancelled`."""

    def close(self, timeout: float) -> None:  # noqa: ARG002
        """Threads without work end; the others end with the process."""
        for _ in range(self._threads):
            self._queue.put(None)

    def _work(self) -> None:
        while (attempt := self._queue.get()) is not None:
            self._perform(attempt)
            del attempt  # a waiting thread keeps nothing alive
            with self._lock:
                self._waiting += 1

    def _perform(self, attempt: Attempt) -> None:
        value, error = None, None
        try:
            value = contextvars.Context().run(self._call, attempt)
        except BaseException as raised:  # noqa: BLE001  (whatever a task raises ends its run, not its thread)
            error = raised
        self._end([(attempt, value, error)])

    def _call(self, attempt: Attempt) -> object:
        value = attempt.task.function(**self._begin(attempt))
        if inspect.iscoroutine(value):
            value.close()
            raise TypeError("it returned a coroutine: make it an `async def`")
        return value
