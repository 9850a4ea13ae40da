"""Where attempts run: `async def` on an event loop in a thread of its own, `def` in threads."""

import asyncio
import contextvars
import inspect
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Protocol

from hourhand import log
from hourhand_worker.attempt import Attempt

Begin = Callable[[Attempt], dict[str, Any]]
End = Callable[[Attempt, object, BaseException | None], None]


class Lane(Protocol):
    def put(self, attempt: Attempt) -> None:
        """Run it as soon as possible."""
        ...

    def interrupt(self, attempt: Attempt) -> None:
        """Interrupt it, if it can be."""
        ...

    def close(self, timeout: float) -> None: ...


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

    def put(self, attempt: Attempt) -> None:
        with self._lock:
            self._waiting -= 1
            missing = self._waiting < 0
            if missing:
                self._waiting += 1
                self._threads += 1
                number = self._threads
        self._queue.put(attempt)
        if missing:
            Thread(target=self._work, name=f"hourhand-task-{number}", daemon=True).start()

    def interrupt(self, attempt: Attempt) -> None:
        """A thread can't be interrupted: its task sees `run.cancelled`."""

    def close(self, timeout: float) -> None:  # noqa: ARG002
        """Threads without work end; the others end with the process."""
        for _ in range(self._threads):
            self._queue.put(None)

    def _work(self) -> None:
        while (attempt := self._queue.get()) is not None:
            contextvars.Context().run(self._perform, attempt)
            del attempt  # a waiting thread keeps nothing alive
            with self._lock:
                self._waiting += 1

    def _perform(self, attempt: Attempt) -> None:
        value, error = None, None
        with log.run_context(run_id=attempt.id, attempt=attempt.row["attempt"]):
            try:
                value = _no_coroutine(attempt.task.function(**self._begin(attempt)))
            except BaseException as raised:  # noqa: BLE001  (whatever a task raises ends its run, not its thread)
                error = raised
        self._end(attempt, value, error)


def _no_coroutine(value: object) -> object:
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError("it returned a coroutine: make it an `async def`")
    return value


class AsyncLane:
    """One event loop for all; its thread is started with the first attempt."""

    def __init__(self, begin: Begin, end: End) -> None:
        self._begin = begin
        self._end = end
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._inbox: deque[Attempt] = deque()
        self._awake = False

    def put(self, attempt: Attempt) -> None:
        with self._lock:
            self._inbox.append(attempt)
            wake, self._awake = not self._awake, True
            loop = self._loop or self._open()
        if wake:
            loop.call_soon_threadsafe(self._start_all)

    def interrupt(self, attempt: Attempt) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, attempt)

    def close(self, timeout: float) -> None:
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)

    def _open(self) -> asyncio.AbstractEventLoop:
        self._loop = loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._serve, args=(loop,), name="hourhand-async", daemon=True)
        self._thread.start()
        return loop

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    def _start_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with self._lock:
                if not self._inbox:
                    self._awake = False
                    return
                attempt = self._inbox.popleft()
            attempt.coroutine = loop.create_task(self._perform(attempt), context=contextvars.Context())

    @staticmethod
    def _cancel(attempt: Attempt) -> None:
        # One that has not started sees that it was stopped; cancelled now, it would end without a word.
        if attempt.coroutine is not None and attempt.started:
            attempt.coroutine.cancel()

    async def _perform(self, attempt: Attempt) -> None:
        value: Any = None
        error: BaseException | None = None
        with log.run_context(run_id=attempt.id, attempt=attempt.row["attempt"]):
            try:
                value = await attempt.task.function(**self._begin(attempt))
            except BaseException as raised:  # noqa: BLE001  (whatever a task raises ends its run, not the loop)
                error = raised
        attempt.coroutine = None
        self._end(attempt, value, error)
