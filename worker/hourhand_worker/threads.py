"""Runs `def` tasks, each in a thread."""

import contextvars
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import sleep
from types import CoroutineType
from typing import Any

from hourhand.tasks import Task
from hourhand_worker.attempt import Attempt
from hourhand_worker.lane import Begin, End


class ThreadLane:
    """As many threads as there were ever attempts at once that took their time.

    An own pool, because a thread that is abandoned has to be replaced and must not hold up the exit of the
    process, neither of which `concurrent.futures` allows. A thread that has ended an attempt takes the next.
    Of the others only one at a time looks out for attempts, and lets those that compute go first: one thread
    of Python computes at a time, and each more that wants to makes those wait longer that claim and finish.
    """

    def __init__(self, begin: Begin, end: End) -> None:
        self._begin = begin
        self._end = end
        self._queue: SimpleQueue[Attempt | None] = SimpleQueue()
        self._lock = Lock()
        self._outlook = Lock()  # held by the thread that looks out
        self._threads = 0
        self._idle = 0  # threads that wait for an attempt, or are about to

    def put(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            self._queue.put(attempt)
        self.look()

    def interrupt(self, attempt: Attempt) -> None:
        """A thread can't be interrupted: its task sees `run.cancelled`."""

    def close(self, timeout: float) -> None:  # noqa: ARG002
        """Threads without work end; the others end with the process."""
        self._queue.put(None)

    def look(self) -> None:
        """Start a thread if attempts wait and no thread does."""
        with self._lock:
            if self._idle or self._queue.empty():
                return
            self._idle += 1
            self._threads += 1
            number = self._threads
        try:
            Thread(target=self._work, name=f"hourhand-task-{number}", daemon=True).start()
        except RuntimeError:  # the system gives no more threads: those there are go on
            with self._lock:
                self._idle -= 1
                self._threads -= 1

    def _work(self) -> None:
        while (attempt := self._look_out()) is not None:
            with self._lock:
                self._idle -= 1
            self.look()
            while attempt is not None:
                self._perform(attempt)
                del attempt  # a waiting thread keeps nothing alive
                attempt = self._another()
            with self._lock:
                self._idle += 1

    def _look_out(self) -> Attempt | None:
        """The next attempt, if those at work leave it; None when the thread has to end."""
        with self._outlook:
            sleep(0)  # those that compute go first; it takes no time while they wait themselves
            return self._passed_on(self._queue.get())

    def _another(self) -> Attempt | None:
        """The next attempt for one that has just ended one; None when there is none."""
        try:
            return self._passed_on(self._queue.get_nowait())
        except Empty:
            return None

    def _passed_on(self, attempt: Attempt | None) -> Attempt | None:
        """The word to end, None, is for all threads, also for those that start only now."""
        if attempt is None:
            self._queue.put(None)
        return attempt

    def _perform(self, attempt: Attempt) -> None:
        value, error = None, None
        try:
            value = contextvars.Context().run(self._call, attempt)
        except BaseException as raised:  # noqa: BLE001  (whatever a task raises ends its run, not its thread)
            error = raised
        self._end([(attempt, value, error)])

    def _call(self, attempt: Attempt) -> object:
        return returned_by(attempt.task, self._begin(attempt))


def returned_by(task: Task[..., Any], arguments: dict[str, Any]) -> object:
    """What the function, a `def`, returns. Raises TypeError for a coroutine."""
    value: Any = task.function(**arguments)
    if type(value) is CoroutineType:  # `isinstance` would ask the value
        value.close()
        raise TypeError("it returned a coroutine: make it an `async def`")
    return value
