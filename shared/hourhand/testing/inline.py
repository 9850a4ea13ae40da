"""Runs a task in the test itself: no database, no worker, no retries."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from hourhand.outcome import Cancel, Discard, Outcome, Retry, Snooze
from hourhand.payloads import name_of, payload_of
from hourhand.run import Child, EnqueueOptions, Run
from hourhand.tasks import Task

Ending = Literal["completed", "failed", "cancelled", "retry", "snooze"]

_ENDINGS: dict[type[Outcome], Ending] = {
    Retry: "retry",
    Snooze: "snooze",
    Cancel: "cancelled",
    Discard: "failed",
}


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A child that the task asked for."""

    task: str
    payload: Any
    options: EnqueueOptions


@dataclass
class Inline:
    """What a task did: how it ended, what it returned, logged, told of its progress and enqueued.

    `outcome` is completed, or what a Retry, Snooze, Cancel or Discard (in `asked`) stands for.
    """

    outcome: Ending = "completed"
    result: Any = None
    asked: Outcome | None = None
    logs: list[tuple[str, str]] = field(default_factory=list)
    progress: list[Mapping[str, Any]] = field(default_factory=list)
    enqueued: list[Enqueued] = field(default_factory=list)


def run_inline(
    task: Task[..., Any], payload: Any = None, *, attempt: int = 1, stopped: str | None = None, **row: Any
) -> Inline:
    """Run the task with a payload that is checked, sent through JSON and decoded as a worker would.

    `attempt` is what `run.attempt` says; with `stopped` the run has been told to stop, for that reason; other
    fields of the run, such as `scheduled_for` or `trigger`, go by their names. What the task raises comes out
    here, except Retry, Snooze, Cancel and Discard. Raises BadPayload.
    """
    if inspect.iscoroutinefunction(task.function):
        return asyncio.run(run_inline_async(task, payload, attempt=attempt, stopped=stopped, **row))
    inline, arguments = _prepared(task, payload, stopped, {**row, "attempt": attempt})
    try:
        return _ended(inline, task.function(**arguments))
    except Outcome as asked:
        return _ended(inline, asked)


async def run_inline_async(
    task: Task[..., Any], payload: Any = None, *, attempt: int = 1, stopped: str | None = None, **row: Any
) -> Inline:
    """`run_inline` for tests that are coroutines themselves."""
    inline, arguments = _prepared(task, payload, stopped, {**row, "attempt": attempt})
    try:
        value = task.function(**arguments)
        return _ended(inline, await value if inspect.isawaitable(value) else value)
    except Outcome as asked:
        return _ended(inline, asked)


class _Listening:
    """The reporter of a run: keeps what it is told."""

    # ruff: noqa: ARG002  (the run is always the same)

    def __init__(self, inline: Inline) -> None:
        self._inline = inline
        self._ids = itertools.count(2)

    def log(self, run: Run, level: str, message: str) -> None:
        self._inline.logs.append((level, message))

    def progress(self, run: Run, progress: Mapping[str, Any]) -> None:
        self._inline.progress.append(progress)

    def enqueue(
        self, run: Run, task: Task[..., Any] | str, payload: object, options: EnqueueOptions
    ) -> Child:
        self._inline.enqueued.append(Enqueued(name_of(task), payload_of(task, payload), options))
        return Child(next(self._ids), "created")

    def advance(self, run: Run) -> Mapping[str, Any]:
        raise NotImplementedError("a sequence needs a database: use drain()")


def _prepared(
    task: Task[..., Any], payload: Any, stopped: str | None, row: Mapping[str, Any]
) -> tuple[Inline, dict[str, Any]]:
    inline = Inline()
    run = Run({**_row(task), **row}, _Listening(inline))
    if stopped is not None:
        run.stop(stopped)
    return inline, task.arguments(json.dumps(task.encode(payload)), run)


def _row(task: Task[..., Any]) -> dict[str, Any]:
    """As `claim` would give it for the first attempt of an enqueued run."""
    now = datetime.now(UTC)
    return {
        "id": 1,
        "task": task.name,
        "queue": task.queue,
        "priority": task.priority,
        "max_attempts": task.max_attempts,
        "timeout": task.timeout.total_seconds(),
        "token": "00000000-0000-0000-0000-000000000000",
        "trigger": "api",
        "run_at": now,
        "created_at": now,
        "lost_count": 0,
    }


def _ended(inline: Inline, value: Any) -> Inline:
    if isinstance(value, Outcome):
        inline.outcome, inline.asked = _ending(value), value
        inline.result = value.result if isinstance(value, Discard) else None
    else:
        inline.result = value
    return inline


def _ending(asked: Outcome) -> Ending:
    """Raises the outcome itself if it is none of the four, which fails a run."""
    for kind, ending in _ENDINGS.items():
        if isinstance(asked, kind):
            return ending
    raise asked
