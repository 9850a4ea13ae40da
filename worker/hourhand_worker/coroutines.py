"""Runs `async def` tasks, all on one event loop in a thread of its own.

A coroutine is started without a task of asyncio. Most tasks of a busy queue never wait for anything, and
making a task for each costs as much as all else; one that does wait is handed to a *host*, a real task that
goes on with it. While a coroutine runs its first stretch, the host that would take it is already the current
task, so that timeouts, task groups and locks find the task they belong to.
"""

import asyncio
from asyncio import tasks as asyncio_tasks
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import suppress
from contextvars import Context
from functools import partial
from threading import Event, Lock, Thread
from time import monotonic
from types import coroutine as as_awaitable
from typing import Any

from hourhand_worker.attempt import Attempt
from hourhand_worker.lane import Begin, Conclusion, End

SLICE = 0.005
"""Seconds of starting coroutines after which the event loop gets to serve those that wait."""

Body = Coroutine[Any, Any, object]
Ended = Callable[[object, BaseException | None], None]


class AsyncLane:
    """The event loop and its thread are made with the first attempt."""

    def __init__(self, begin: Begin, end: End) -> None:
        self._begin = begin
        self._end = end
        self._lock = Lock()
        self._inbox: deque[Attempt] = deque()
        self._awake = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._host: Host | None = None
        self._asked: float | None = None
        self._closing = Event()

    def put(self, attempts: Sequence[Attempt]) -> None:
        with self._lock:
            self._inbox.extend(attempts)
        self.look()

    def look(self) -> None:
        with self._lock:
            if self._awake or not self._inbox:
                return
            loop = self._loop or self._open()
            self._awake = loop is not None
        if loop is not None:
            loop.call_soon_threadsafe(self._start_some)

    def interrupt(self, attempt: Attempt) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, attempt)

    def silence(self) -> float:
        """For how many seconds the event loop has not answered; asks it again. For one thread only."""
        asked = self._asked
        if asked is not None:
            return monotonic() - asked
        if self._loop is not None:
            self._asked = monotonic()
            self._loop.call_soon_threadsafe(self._answer)
        return 0.0

    def _answer(self) -> None:
        self._asked = None

    def close(self, timeout: float) -> None:
        if self._loop is None or self._thread is None:
            return
        self._closing.set()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)

    def _open(self) -> asyncio.AbstractEventLoop | None:
        """None when the system gives no thread for it."""
        loop = asyncio.new_event_loop()
        thread = Thread(target=_serve, args=[loop, self._closing], name="hourhand-async", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            loop.close()
            return None
        self._loop, self._thread = loop, thread
        return loop

    @staticmethod
    def _cancel(attempt: Attempt) -> None:
        # One that has not begun sees that it was stopped.
        if attempt.host is not None:
            attempt.host.cancel()

    def _start_some(self) -> None:
        """Start what there is, for a while."""
        loop = asyncio.get_running_loop()
        pause = monotonic() + SLICE
        ended: list[Conclusion] = []
        while self._inbox and monotonic() < pause:
            conclusion = self._start(self._inbox.popleft(), loop)
            if conclusion is not None:
                ended.append(conclusion)
        if ended:
            self._end(ended)
        with self._lock:
            self._awake = bool(self._inbox)
        if self._awake:
            loop.call_soon(self._start_some)

    def _start(self, attempt: Attempt, loop: asyncio.AbstractEventLoop) -> Conclusion | None:
        """Run it up to where it waits for something. None if it does."""
        host = self._host = self._host or Host(loop)
        context = Context()
        asyncio_tasks._enter_task(loop, host.task)
        try:
            body: Body = context.run(self._call, attempt)
            awaited = context.run(body.send, None)
        except StopIteration as stop:
            return attempt, stop.value, None
        except BaseException as raised:  # noqa: BLE001  (whatever a task raises ends its run, not the loop)
            return attempt, None, raised
        finally:
            asyncio_tasks._leave_task(loop, host.task)
            if host.task.cancelling():
                self._host = None  # one that cancels its task must not cancel the next
        self._host = None
        attempt.host = host.task
        host.take(body, awaited, context, partial(self._ended, attempt))
        return None

    def _call(self, attempt: Attempt) -> Body:
        body: Body = attempt.task.function(**self._begin(attempt))
        return body

    def _ended(self, attempt: Attempt, value: object, error: BaseException | None) -> None:
        attempt.host = None
        self._end([(attempt, value, error)])


class Host:
    """A task of asyncio that goes on with one coroutine from where it first waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._work: asyncio.Future[None] = loop.create_future()
        self.task = loop.create_task(self._serve())
        self.task.add_done_callback(self._done)
        self._body: Body | None = None

    def take(self, body: Body, awaited: object, context: Context, ended: Ended) -> None:
        self._body, self._awaited, self._context, self._ended = body, awaited, context, ended
        if not self._work.done():
            self._work.set_result(None)

    async def _serve(self) -> None:
        interruption: BaseException | None = None
        try:
            await self._work
        except asyncio.CancelledError as cancelled:
            interruption = cancelled
        if self._body is None:
            return
        body, self._body = self._body, None
        value, error = None, None
        try:
            value = await _go_on(body, self._awaited, self._context, interruption)
        except BaseException as raised:  # noqa: BLE001
            error = raised
        self._ended(value, error)

    def _done(self, _task: asyncio.Task[None]) -> None:
        # Cancelled before its first step, when `_serve` could not catch it.
        if self._body is not None:
            self._body.close()
            self._ended(None, asyncio.CancelledError())


@as_awaitable
def _go_on(
    body: Body, awaited: object, context: Context, error: BaseException | None
) -> Generator[Any, Any, object]:
    """What `await body` does, for a body that is waiting for `awaited`, with each step in `context`."""
    value = None
    while True:
        if error is None:
            try:
                value = yield awaited
            except BaseException as thrown:  # noqa: BLE001  (the body decides)
                error = thrown
        step = partial(body.send, value) if error is None else partial(body.throw, error)
        value = error = None
        try:
            awaited = context.run(step)
        except StopIteration as stop:
            return stop.value


def _serve(loop: asyncio.AbstractEventLoop, closing: Event) -> None:
    asyncio.set_event_loop(loop)
    try:
        # A task that stops the loop, or exits in a task of asyncio or a callback, must not stop the others.
        while not closing.is_set():
            with suppress(SystemExit, KeyboardInterrupt):
                loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
