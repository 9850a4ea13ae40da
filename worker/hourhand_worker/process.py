"""One process for tasks, as the worker sees it."""

import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import Lock, Timer
from time import monotonic
from typing import Any

from hourhand import tracing
from hourhand.errors import HourhandError, ProcessEnded, TaskImportError
from hourhand.log import LEVELS
from hourhand_worker.attempt import Attempt, Result
from hourhand_worker.desk import Call
from hourhand_worker.output import Output
from hourhand_worker.wire import Message, Wire

GRACE = 5.0
"""Seconds that a task which was told to stop gets to clean up in, before its process is ended."""

START = 60.0
"""Seconds in which a process has to have imported its modules."""

END = 15.0
"""Seconds in which a process has to be gone that has closed its connection, or has been told to end."""

MOST_RUNS = 500
"""After so many runs a process makes way for a fresh one: what leaks in a task's libraries is bounded."""

_SEND = 5.0
_CHUNK = 65536
_WIRE = "wire"


class Process:
    """Runs one attempt after another in a child, through a keeper that ends whatever comes of it.

    `spent` says that it must not be used again.
    """

    def __init__(self, modules: Sequence[str], call: Call) -> None:
        self._call = call
        self._lock = Lock()
        self._attempt: Attempt | None = None
        self._told_to_stop = False
        self._runs = 0
        self._output: Output | None = None
        self.pid: int | None = None  # when it is ready
        self.tasks: frozenset[str] = frozenset()
        self.spent = False
        ours, theirs = socket.socketpair()
        ours.settimeout(_SEND)
        with theirs:
            self._popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "hourhand_worker.keeper", str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._wire = Wire(ours)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wire, selectors.EVENT_READ, _WIRE)
        for stream, level in ((self._popen.stdout, "INFO"), (self._popen.stderr, "WARNING")):
            assert stream is not None
            self._selector.register(stream, selectors.EVENT_READ, level)
        self._wire.send(path=sys.path, modules=list(modules))

    @property
    def gone(self) -> bool:
        return self._popen.poll() is not None

    def prepare(self) -> None:
        """Wait until it can run something. Raises TaskImportError and ProcessEnded."""
        if self.pid is not None:
            return
        self.spent = True  # until it is known better
        for message in self._messages(monotonic() + START):
            match message:
                case {"ready": pid, "tasks": tasks}:
                    self.pid, self.tasks, self.spent = pid, frozenset(tasks), False
                    return
                case {"broken": broken, "hint": hint}:
                    raise TaskImportError(broken, hint)
        raise self._ended("before it could run anything")

    def run(self, attempt: Attempt) -> tuple[Result, bool]:
        """How the attempt ended, and whether its task said so itself. Raises ProcessEnded."""
        self._output = Output(attempt.run.write_log)
        self._runs += 1
        self.spent = True
        with self._lock, suppress(OSError):  # a connection that has ended is seen below
            self._attempt, self._told_to_stop = attempt, False
            # Within the attempt's span, if there is one.
            self._wire.send(run={**attempt.row, "trace_context": tracing.current()})
        if attempt.stop is not None:
            self.stop(attempt)
        for message in self._messages():
            if "end" in message and message["token"] == attempt.token:
                with self._lock:
                    self._attempt = None
                self.spent = message["spent"] or self._told_to_stop or self._runs >= MOST_RUNS
                self._drain()
                return message["end"], message["told"]
            self._hear(message, attempt)
        raise self._ended("without an answer")

    def stop(self, attempt: Attempt) -> None:
        """Tell the task to stop, and see to it that it does. From any thread."""
        with self._lock:
            if self._attempt is not attempt or self._told_to_stop or attempt.stop is None:
                return
            self._told_to_stop = True
            with suppress(OSError):
                self._wire.send(stop=attempt.stop.name, token=attempt.token, reason=attempt.reason)
        timer = Timer(GRACE, self.end)
        timer.daemon = True
        timer.start()

    def end(self) -> None:
        """Have it ended, with all that it has started. From any thread."""
        assert self._popen.stdin is not None
        with suppress(OSError):
            self._popen.stdin.close()

    def dismiss(self) -> None:
        """The same for one that runs nothing: it goes by itself."""
        self._wire.shut()
        self.end()

    def await_end(self, timeout: float) -> bool:
        try:
            self._popen.wait(max(0.0, timeout))
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """Let go of one that has ended."""
        self._wire.close()
        self._selector.close()
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            assert stream is not None
            stream.close()

    # --- While it runs something ---

    def _messages(self, deadline: float | None = None) -> Iterator[Message]:
        """Until the connection ends, or at the deadline; keeps what is printed meanwhile."""
        while deadline is None or monotonic() < deadline:
            for key, _ in self._selector.select(None if deadline is None else deadline - monotonic()):
                if key.data != _WIRE:
                    self._read(key.fd, key.data)
                    continue
                try:
                    yield from self._wire.receive()
                except (OSError, ValueError):
                    return

    def _hear(self, message: Message, attempt: Attempt) -> None:
        match message:
            case {"ask": number, "function": "enqueue", "params": params}:
                with suppress(OSError):
                    self._wire.send(answer=number, **self._asked(params))
            case {"token": attempt.token, "log": [level, text]}:
                attempt.run.write_log(level if level in LEVELS else "INFO", str(text))
            case {"token": attempt.token, "progress": told}:
                attempt.run.write_progress(told)

    def _asked(self, params: dict[str, Any]) -> Message:
        try:
            return {"value": self._call("enqueue", params)}
        except HourhandError as error:
            return {"refused": [type(error).__name__, error.message, error.hint]}

    def _read(self, pipe: int, level: str) -> None:
        data = os.read(pipe, _CHUNK)
        if not data:
            self._selector.unregister(pipe)
        elif self._output is not None:
            self._output.feed(level, data)

    def _drain(self) -> None:
        """Read what was printed before now."""
        deadline = monotonic() + 1.0  # something may still be printing
        while monotonic() < deadline:
            printed = [key for key, _ in self._selector.select(0) if key.data != _WIRE]
            if not printed:
                break
            for key in printed:
                self._read(key.fd, key.data)
        if self._output is not None:
            self._output.close()

    def _ended(self, when: str) -> ProcessEnded:
        """It has closed the connection: the reason why."""
        closed = not self.await_end(END / 5)
        if closed:
            self.end()
            self.await_end(END)
        self._selector.unregister(self._wire)
        self._drain()
        error = ProcessEnded(f"the process {_how(self._popen.returncode, closed=closed)} {when}")
        for line in self._output.last_words if self._output is not None else ():
            error.add_note(line)
        return error


def _how(code: int | None, *, closed: bool) -> str:
    if closed or code is None:
        return "closed its connection to the worker"
    if code >= 0:
        return f"ended with code {code}"
    if -code == signal.SIGKILL:
        return "was ended by SIGKILL, perhaps because the system was out of memory,"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
