"""`@task`: a function that runs can be made of.

    @task("ingest-rss", max_attempts=3, timeout=60)
    def ingest_rss(feed: Feed, run: Run) -> dict[str, int]: ...

The function stays what it is: `ingest_rss(Feed(...), run)` calls it directly.
"""

import functools
import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from hourhand import registry
from hourhand.retry import RetryPolicy
from hourhand.run import Run
from hourhand.signature import Signature

Isolation = Literal["thread", "async", "process"]

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,199}")
_LONGEST_TIMEOUT = timedelta(days=30)


class Task(Generic[P, R]):
    """A function with what a worker needs to know about it. Made by `@task`."""

    def __init__(
        self,
        function: Callable[P, R],
        name: str | None = None,
        *,
        queue: str = "default",
        max_attempts: int = 4,
        timeout: timedelta | float = 3600,
        priority: int = 0,
        concurrency: int | None = None,
        key_concurrency: int = 1,
        isolation: Isolation | None = None,
        memory_mb: int | None = None,
        retry: RetryPolicy | None = None,
        sync_ack: bool = False,
        description: str | None = None,
    ) -> None:
        self.function = _checked_function(function)
        self.name = _checked_name(name or function.__name__, "name")
        self.queue = _checked_name(queue, "queue")
        self.max_attempts = _whole("max_attempts", max_attempts, 1, 1000)
        self.timeout = _checked_timeout(timeout)
        self.priority = _whole("priority", priority, -100, 100)
        self.concurrency = None if concurrency is None else _whole("concurrency", concurrency, 1, 1_000_000)
        self.key_concurrency = _whole("key_concurrency", key_concurrency, 1, 1_000_000)
        self.isolation = _checked_isolation(isolation, function)
        self.memory_mb = _checked_memory(memory_mb, self.isolation)
        self.retry = _checked_retry(retry)
        self.sync_ack = bool(sync_ack)
        self.signature = Signature(function)
        self.description = description or _first_line(function)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name!r} {self.function.__module__}.{self.function.__qualname__}>"

    def __reduce__(self) -> str:
        """Pickled by its place in its module, as functions are."""
        return self.function.__qualname__

    def encode(self, payload: object) -> Any:
        """The payload as plain JSON values, checked. Raises BadPayload."""
        return self.signature.encode(payload)

    def arguments(self, text: str | None, run: Run | None = None) -> dict[str, Any]:
        """The keyword arguments of the function for a payload in JSON. Raises BadPayload."""
        return self.signature.arguments(text, run)

    @property
    def definition(self) -> dict[str, Any]:
        """What the table `tasks` keeps; the timeout in seconds."""
        return {
            "name": self.name,
            "schema": self.signature.schema,
            "queue": self.queue,
            "max_attempts": self.max_attempts,
            "timeout": self.timeout.total_seconds(),
            "priority": self.priority,
            "concurrency": self.concurrency,
            "key_concurrency": self.key_concurrency,
            "description": self.description,
        }


def task(
    name: str | None = None,
    *,
    queue: str = "default",
    max_attempts: int = 4,
    timeout: timedelta | float = 3600,
    priority: int = 0,
    concurrency: int | None = None,
    key_concurrency: int = 1,
    isolation: Isolation | None = None,
    memory_mb: int | None = None,
    retry: RetryPolicy | None = None,
    sync_ack: bool = False,
    description: str | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task of a function, and register it.

    `name` is what runs and schedules call it (the function's name by default); `queue` and `priority`
    (-100 to 100, higher first) where its runs go; `timeout` (seconds or timedelta) bounds one attempt;
    `concurrency` bounds its runs at once over all workers, `key_concurrency` those with the same
    `concurrency_key`; `isolation` is async for an `async def` and
    thread for a `def`, or process for either; `memory_mb` is how many MiB the task may use in its process,
    beyond what that has with its modules imported (Linux); `description` is the first line of the docstring
    by default. With `sync_ack` the end of each run is written at once and alone, and its place in the worker
    is kept until then: slower, but a crash repeats at most what was running, never what had ended up to
    50 ms before.

    An async task that runs out of time is interrupted. A thread can't be: its run is recorded as failed,
    and the thread is left to end by itself (`run.cancelled` tells it to). In a process CancelledError is
    raised in the task, and 5 seconds later the process is ended with all that it has started. For that the
    task has to be defined where the import of its module defines it again.

    Raises TypeError or ValueError where an option or the function's signature can't work.
    """
    if inspect.isfunction(name):
        raise TypeError(f'write @task("...") or @task() above {name.__name__}, with parentheses')

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        try:
            made = Task(
                function,
                name,
                queue=queue,
                max_attempts=max_attempts,
                timeout=timeout,
                priority=priority,
                concurrency=concurrency,
                key_concurrency=key_concurrency,
                isolation=isolation,
                memory_mb=memory_mb,
                retry=retry,
                sync_ack=sync_ack,
                description=description,
            )
            registry.current().add(made)
        except (TypeError, ValueError) as error:
            called = getattr(function, "__qualname__", function)
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{called} can't be the task {name or called!r}: {error}") from None
        return made

    return decorate


# --- Checks: what is wrong is said when the module is imported ---


def _checked_function(function: Callable[P, R]) -> Callable[P, R]:
    if not inspect.isfunction(function):
        raise TypeError("it is not a function: decorate a `def` or `async def`")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError("it is a generator: a task returns its result")
    if next(iter(inspect.signature(function).parameters), None) in ("self", "cls"):
        raise TypeError("it is a method: decorate a function at the top level of a module")
    return function


def _checked_name(name: object, option: str) -> str:
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise ValueError(
        f"{option} has to be up to 200 letters, digits or any of _ . : / - (starting with none of these "
        f"but _), not {name!r}"
    )


def _whole(option: str, value: object, least: int, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise ValueError(f"{option} has to be a whole number from {least} to {most}, not {value!r}")


def _checked_timeout(timeout: object) -> timedelta:
    span = timedelta(seconds=timeout) if isinstance(timeout, int | float) else timeout
    if isinstance(span, timedelta) and timedelta() < span <= _LONGEST_TIMEOUT:
        return span
    raise ValueError(f"timeout has to be more than 0 seconds and at most 30 days, not {timeout!r}")


def _checked_isolation(isolation: object, function: Callable[..., object]) -> Isolation:
    natural: Isolation = "async" if inspect.iscoroutinefunction(function) else "thread"
    if isolation in (None, natural):
        return natural
    if isolation == "process":
        return "process"
    raise ValueError(
        f"isolation can't be {isolation!r} here: an `async def` is async, a `def` is thread, and each can be "
        "process"
    )


def _checked_memory(memory_mb: object, isolation: Isolation) -> int | None:
    if memory_mb is None:
        return None
    if isolation != "process":
        raise ValueError('memory_mb needs isolation="process": only a process has memory of its own')
    return _whole("memory_mb", memory_mb, 1, 1_000_000_000)


def _checked_retry(retry: object) -> RetryPolicy:
    if retry is None:
        return RetryPolicy()
    if isinstance(retry, RetryPolicy):
        return retry
    raise TypeError(f"retry has to be a RetryPolicy, not {retry!r}")


def _first_line(function: Callable[..., object]) -> str | None:
    lines = (inspect.getdoc(function) or "").splitlines()
    return lines[0].strip() if lines else None
