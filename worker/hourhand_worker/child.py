"""Runs tasks in a process of their own, one at a time, in its main thread.

Another thread listens to the worker: that a run has to stop, and the answers to what runs have asked for.
"""

import asyncio
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import Context
from pathlib import Path
from queue import SimpleQueue
from socket import socket
from types import FrameType
from typing import Any

from hourhand import errors, registry, tracing
from hourhand.outcome import Outcome
from hourhand_worker.attempt import Attempt, Stop
from hourhand_worker.clock import Clock
from hourhand_worker.ending import Endings
from hourhand_worker.threads import returned_by
from hourhand_worker.traces import traces
from hourhand_worker.voice import INTERRUPT, Voice
from hourhand_worker.wire import Message, Wire

CUT_OFF = 74
"""The exit code of a process that can't tell the worker anything any more: EX_IOERR."""

MIB = 2**20


def serve(channel: int) -> None:
    """What a child does until the worker closes the connection."""
    wire = Wire(socket(fileno=channel))
    (setup,) = wire.receive()
    _offer_to_the_out_of_memory_killer()
    try:
        sys.path[:] = setup["path"]
        registry.load(setup["modules"])
    except errors.TaskImportError as error:
        wire.send(broken=error.message, hint=error.hint)
        return
    Child(wire).serve()


class Child:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._voice = Voice(wire)
        self._inbox: SimpleQueue[Attempt | None] = SimpleQueue()
        self._endings = Endings(Clock())
        self._attempt: Attempt | None = None
        self._interruptible = False
        self._coroutine: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None
        self._memory = _data_bytes()

    def serve(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_end)
        signal.signal(INTERRUPT, self._interrupted)
        self._voice.take_over_logging()
        threading.Thread(target=self._listen, name="hourhand-wire", daemon=True).start()
        self._wire.send(ready=os.getpid(), tasks=registry.current().names)
        while (attempt := self._inbox.get()) is not None:
            self._perform(attempt)
            del attempt

    # --- The thread that listens ---

    def _listen(self) -> None:
        try:
            while True:
                for message in self._wire.receive():
                    self._hear(message)
        except (OSError, ValueError):
            self._inbox.put(None)

    def _hear(self, message: Message) -> None:
        match message:
            case {"run": row}:
                # Here, so that a stop that comes right behind finds it.
                self._attempt = Attempt(row, registry.current().get(row["task"]), "", self._voice)
                self._inbox.put(self._attempt)
            case {"stop": why, "token": token, "reason": reason}:
                self._stop(token, Stop[why], reason)
            case {"answer": number}:
                self._voice.answered(number, message)

    def _stop(self, token: str, why: Stop, reason: str) -> None:
        attempt = self._attempt
        if attempt is None or attempt.token != token:
            return
        # Written first, and looked at after a task has become interruptible: one of the two sees the other.
        attempt.tell_to_stop(why, reason)
        if self._coroutine is not None:
            loop, task = self._coroutine
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(task.cancel)
        elif self._interruptible:
            signal.pthread_kill(threading.main_thread().ident or 0, INTERRUPT)

    # --- The main thread ---

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        if self._interruptible:
            self._interruptible = False
            raise asyncio.CancelledError

    def _told_to_end(self, number: int, _frame: FrameType | None) -> None:
        """The keeper's last word before KILL. Others who say it mean the worker, which decides for itself."""
        if self._attempt is not None and self._attempt.stop is not None:
            raise SystemExit(128 + number)

    def _perform(self, attempt: Attempt) -> None:
        before = traces()
        value, error = None, None
        try:
            try:
                value = self._value(attempt)
            finally:
                self._interruptible = False
        except BaseException as raised:  # noqa: BLE001  (whatever a task raises ends its run, not its process)
            error = _explained(raised, attempt)
        self._flush()
        self._answer(attempt, value, error, spent=_is_grave(error) or traces() != before)

    def _value(self, attempt: Attempt) -> object:
        self._voice.begin(attempt.run)
        with _memory_limit(attempt.task.memory_mb, self._memory):
            return Context().run(self._call, attempt)

    def _call(self, attempt: Attempt) -> object:
        if (span := attempt.row.get("trace_context")) is not None:
            tracing.carry(span)
        arguments = attempt.task.arguments(attempt.row["payload"], attempt.run)
        if asyncio.iscoroutinefunction(attempt.task.function):
            value, error = asyncio.run(self._await(attempt, arguments))
            if error is not None:
                raise error
            return value
        self._interruptible = True
        _raise_if_stopped(attempt)
        return returned_by(attempt.task, arguments)

    async def _await(
        self, attempt: Attempt, arguments: dict[str, Any]
    ) -> tuple[object, BaseException | None]:
        """What it returned and raised: an exception that came out would bring the frames of asyncio along."""
        task = asyncio.current_task()
        assert task is not None
        self._coroutine = asyncio.get_running_loop(), task
        try:
            _raise_if_stopped(attempt)
            return await attempt.task.function(**arguments), None
        except BaseException as raised:  # noqa: BLE001
            return None, raised
        finally:
            self._coroutine = None

    @staticmethod
    def _flush() -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # the task may have closed them, or put something else there
                stream.flush()

    def _answer(self, attempt: Attempt, value: object, error: BaseException | None, *, spent: bool) -> None:
        result = self._endings.ended(attempt, value, error)
        told = error is None or isinstance(error, Outcome)
        spent = spent or attempt.stop is not None
        self._attempt = None
        try:
            self._wire.send(end=result, token=attempt.token, told=told, spent=spent)
        except OSError:
            os._exit(CUT_OFF)


def _raise_if_stopped(attempt: Attempt) -> None:
    if attempt.stop is not None:
        raise asyncio.CancelledError


def _is_grave(error: BaseException | None) -> bool:
    """Whether what raised it may have left damage that can't be seen."""
    return isinstance(error, MemoryError | RecursionError) or not isinstance(error, Exception | None)


def _explained(error: BaseException, attempt: Attempt) -> BaseException:
    limit = attempt.task.memory_mb
    if isinstance(error, MemoryError) and limit is not None:
        return MemoryError(f"it needed more than its {limit} MiB").with_traceback(error.__traceback__)
    return error


# --- Memory ---


@contextmanager
def _memory_limit(megabytes: int | None, beyond: int) -> Iterator[None]:
    """So many MiB beyond what is there already (bytes)."""
    if megabytes is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (beyond + megabytes * MIB, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    """What counts for RLIMIT_DATA now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * resource.getpagesize()


def _offer_to_the_out_of_memory_killer() -> None:
    """Rather this process than the worker and all that it runs."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
