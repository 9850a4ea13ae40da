"""The run as its task sees it."""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, Unpack
from uuid import UUID

from pydantic_core import to_json

from hourhand.durations import in_seconds
from hourhand.sanitise import sanitise

if TYPE_CHECKING:
    from hourhand.tasks import Task


@dataclass(frozen=True, slots=True)
class Child:
    """A run that a run asked for. `outcome` is created, existing (the key was known) or replaced."""

    id: int
    outcome: str


class EnqueueOptions(TypedDict, total=False):
    """Options of `Run.enqueue`, the same as of `Client.enqueue`."""

    queue: str
    priority: int
    run_at: datetime
    key: str
    key_scope: str
    key_ttl: timedelta
    on_conflict: str
    concurrency_key: str
    max_attempts: int
    timeout: timedelta


E = TypeVar("E", covariant=True)


class Executes(Protocol[E]):
    """A connection or cursor of any driver."""

    def execute(self, query: Any, /) -> E: ...


class Reporter(Protocol):
    """Where a run's words go: the worker's side of `Run`."""

    def log(self, run: "Run", level: str, message: str) -> None: ...

    def progress(self, run: "Run", progress: Mapping[str, Any]) -> None: ...

    def enqueue(
        self, run: "Run", task: "Task[..., Any] | str", payload: object, options: EnqueueOptions
    ) -> Child: ...

    def advance(self, run: "Run") -> Mapping[str, Any]: ...


class Run:
    """What a task can know about its run, and tell about it. Instants are aware, in UTC."""

    __slots__ = ("_reporter", "_stop_reason", "_stopped", "row")

    def __init__(self, row: Mapping[str, Any], reporter: Reporter) -> None:
        self.row = row  # as the function `claim` gave it
        self._reporter = reporter
        self._stop_reason: str | None = None
        self._stopped: threading.Event | None = None

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.task}, attempt {self.attempt} of {self.max_attempts}>"

    @property
    def id(self) -> int:
        return int(self.row["id"])

    @property
    def task(self) -> str:
        return str(self.row["task"])

    @property
    def token(self) -> str:
        """Of this attempt: everything that the worker writes about it carries it."""
        return str(self.row["token"])

    @property
    def queue(self) -> str:
        return str(self.row["queue"])

    @property
    def priority(self) -> int:
        return int(self.row["priority"])

    @property
    def attempt(self) -> int:
        """1 for the first."""
        return int(self.row["attempt"])

    @property
    def max_attempts(self) -> int:
        return int(self.row["max_attempts"])

    @property
    def trigger(self) -> str:
        """schedule, catch_up, backfill, manual, api, task or retry."""
        return str(self.row["trigger"])

    @property
    def schedule_id(self) -> int | None:
        return self.row.get("schedule_id")

    @property
    def parent_id(self) -> int | None:
        return self.row.get("parent_id")

    @property
    def scheduled_for(self) -> datetime | None:
        """The instant of the firing that this run belongs to."""
        return _instant(self.row.get("scheduled_for"))

    @property
    def run_at(self) -> datetime | None:
        return _instant(self.row.get("run_at"))

    @property
    def created_at(self) -> datetime | None:
        return _instant(self.row.get("created_at"))

    # --- Being stopped ---

    @property
    def cancelled(self) -> bool:
        """Whether to stop: cancelled by someone, timed out, the worker shuts down, or the lease was lost.

        A `def` task can't be interrupted, so a long one looks at this now and then; an `async def` task is
        interrupted as well.
        """
        return self._stop_reason is not None

    @property
    def cancel_reason(self) -> str | None:
        return self._stop_reason

    def wait(self, duration: timedelta | float) -> bool:
        """Sleep for `duration` (seconds or timedelta), in a `def` task; at once True when told to stop."""
        if self._stopped is None:
            self._stopped = threading.Event()
        # `stop` writes the reason first and looks for the event second, so one of the two sees the other.
        return self.cancelled or self._stopped.wait(in_seconds(duration))

    def stop(self, reason: str) -> None:
        """Tell the task to stop; only the first reason is kept. Called by the worker."""
        if self._stop_reason is None:
            self._stop_reason = reason
        if self._stopped is not None:
            self._stopped.set()

    # --- Telling ---

    @property
    def log(self) -> "RunLog":
        return RunLog(self)

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Show how far the run is. Written at most about once a second; what is skipped is overwritten."""
        told = {"done": done, "total": total, "message": message}
        self.write_progress({key: value for key, value in told.items() if value is not None})

    # --- Completing in the task's own transaction ---

    def completion(self, result: object = None) -> str:
        """The statement that completes this run, for any driver: it has no parameters.

        Execute it last in the transaction of what the task writes into hourhand's database, and commit:
        both are committed or neither, whatever crashes when. It fails with SQLSTATE PT409, and has to be
        rolled back, when another attempt has taken over. Whatever the task returns or raises after the commit
        no longer counts. The role needs the rights of hourhand_worker, the transaction `read committed`.
        """
        json = to_json(sanitise(result)).hex()
        # As digits, no driver takes anything in it for a parameter.
        value = f"cast(convert_from(decode('{json}', 'hex'), 'UTF8') as jsonb)"
        return f"select hourhand.complete_run({self.id}, '{UUID(self.token)}', {value})"

    def complete_in(self, connection: "Executes[E]", result: object = None) -> E:
        """Execute `completion(result)` on a connection, such as psycopg's; await it where that is async."""
        return connection.execute(self.completion(result))

    def enqueue(
        self, task: "Task[..., Any] | str", payload: object = None, **options: Unpack[EnqueueOptions]
    ) -> Child:
        """Enqueue a child of this run.

        Every attempt of this run that comes here enqueues again, unless a `key` says that it is the same.
        Raises BadPayload, and the errors of the transport.
        """
        return self._reporter.enqueue(self, task, payload, options)

    async def enqueue_async(
        self, task: "Task[..., Any] | str", payload: object = None, **options: Unpack[EnqueueOptions]
    ) -> Child:
        """The same without holding up the event loop."""
        return await asyncio.to_thread(partial(self.enqueue, task, payload, **options))

    def advance(self) -> Mapping[str, Any]:
        """For the task `hourhand.sequence` alone: one look at its steps, which may begin the next."""
        return self._reporter.advance(self)

    def write_progress(self, progress: Mapping[str, Any]) -> None:
        self._reporter.progress(self, progress)

    def write_log(self, level: str, message: str) -> None:
        self._reporter.log(self, level, message)


class RunLog:
    """Writes lines to the log of one run: `run.log.info("fetched {} of {}", 3, url)`."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def debug(self, message: str, *args: object, **kwargs: object) -> None:
        self._write("DEBUG", message, args, kwargs)

    def info(self, message: str, *args: object, **kwargs: object) -> None:
        self._write("INFO", message, args, kwargs)

    def warning(self, message: str, *args: object, **kwargs: object) -> None:
        self._write("WARNING", message, args, kwargs)

    def error(self, message: str, *args: object, **kwargs: object) -> None:
        self._write("ERROR", message, args, kwargs)

    def _write(self, level: str, message: str, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        self._run.write_log(level, _formatted(message, args, kwargs))


def _formatted(message: str, args: tuple[object, ...], kwargs: dict[str, object]) -> str:
    if not args and not kwargs:
        return str(message)
    try:
        return str(message).format(*args, **kwargs)
    except Exception:  # noqa: BLE001  (a line of log must not fail the run, whatever its arguments do)
        return f"{message} (with {len(args) + len(kwargs)} arguments that do not fit)"


def _instant(value: str | datetime | None) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC)
