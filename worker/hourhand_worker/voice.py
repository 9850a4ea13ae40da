"""What runs say in a child: it is passed on to the worker, which asks the database for them."""

import logging
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from hourhand import errors
from hourhand.run import Child, EnqueueOptions, Run
from hourhand.sanitise import sanitise, sanitise_text
from hourhand.tasks import Task
from hourhand_worker.desk import enqueue_child
from hourhand_worker.logbook import MOST_BYTES_A_LINE, MOST_LINES
from hourhand_worker.wire import Message, Wire

if TYPE_CHECKING:
    from loguru import Message as LoguruMessage

INTERRUPT = signal.SIGUSR2
"""Makes the main thread raise CancelledError in a task that is a `def`."""


class Voice:
    """The child's side of the `Run` objects that tasks get."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._numbers = count(1)
        self._asked: dict[int, Future[Any]] = {}
        self._run: Run | None = None
        self._lines = 0

    def begin(self, run: Run) -> None:
        self._run, self._lines = run, 0

    def take_over_logging(self) -> None:
        """What tasks write with `logging` goes to the log of their run."""
        logging.basicConfig(handlers=[_ToRun(self)], level=logging.INFO, format="%(message)s", force=True)
        if "loguru" in sys.modules:
            self._take_over_loguru()

    def _take_over_loguru(self) -> None:
        """The same, unless the tasks' modules have seen to it themselves."""
        from loguru import logger

        with suppress(ValueError):  # its own handler is gone
            logger.remove(0)
            # With diagnose, tracebacks would show local variables, and the secrets in them.
            logger.add(self._heard, level="INFO", format="{message}", backtrace=False, diagnose=False)

    def _heard(self, said: "LoguruMessage") -> None:
        self.log_of_whatever_runs(said.record["level"].name, said.rstrip("\n"))

    def log(self, run: Run, level: str, message: str) -> None:
        self._lines += 1
        if self._lines <= MOST_LINES:  # at the last the worker says that no more are kept
            self._send(token=run.token, log=[level, sanitise_text(message, MOST_BYTES_A_LINE)])

    def log_of_whatever_runs(self, level: str, message: str) -> None:
        if self._run is not None:
            self.log(self._run, level, message)

    def progress(self, run: Run, progress: Mapping[str, Any]) -> None:
        self._send(token=run.token, progress=sanitise(progress, MOST_BYTES_A_LINE))

    def enqueue(
        self, run: Run, task: Task[..., Any] | str, payload: object, options: EnqueueOptions
    ) -> Child:
        return enqueue_child(self._ask, run, task, payload, options)

    def advance(self, run: Run) -> Mapping[str, Any]:
        raise NotImplementedError("a sequence runs in the worker itself")

    def _ask(self, function: str, params: dict[str, Any]) -> Any:
        number, future = next(self._numbers), Future[Any]()
        self._asked[number] = future
        try:
            self._send(ask=number, function=function, params=params)
            return future.result()
        finally:
            del self._asked[number]

    def _send(self, **message: object) -> None:
        # An interruption in the middle of a message would leave half of it behind.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [INTERRUPT])
        try:
            self._wire.send(**message)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def answered(self, number: int, message: Message) -> None:
        """The answer of the worker, in the thread that listens."""
        future = self._asked.get(number)
        if future is None:
            return  # whoever asked was interrupted
        if "refused" in message:
            future.set_exception(_error(*message["refused"]))
        else:
            future.set_result(message["value"])


def _error(name: str, message: str, hint: str | None) -> Exception:
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, errors.HourhandError):
        return kind(message, hint)
    return errors.TransportError(f"{name}: {message}", hint)


class _ToRun(logging.Handler):
    def __init__(self, voice: Voice) -> None:
        super().__init__()
        self._voice = voice

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._voice.log_of_whatever_runs(record.levelname, self.format(record))
        except Exception:  # noqa: BLE001  (as every handler does)
            self.handleError(record)
