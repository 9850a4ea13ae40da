"""A handle: what an enqueue gives back, to ask for the run's state or to wait for its end."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from hourhand.durations import format_duration, in_seconds
from hourhand.errors import RunFailed, StillRunning
from hourhand.hopping import Face, hopped
from hourhand.records import CancelOutcome, Outcome, RunRecord, Status

P = ParamSpec("P")
S = TypeVar("S")

_SHORTEST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0


class Source(Protocol):
    """Where a run is read and cancelled: `client.runs`."""

    def get(self, run_id: int) -> RunRecord: ...

    def cancel(self, run_id: int, reason: str | None = None) -> CancelOutcome: ...


class Handle:
    """One run that was asked for; `outcome` is created, existing (its key was known) or replaced."""

    def __init__(self, runs: Source, id: int, outcome: Outcome) -> None:  # noqa: A002
        self._runs = runs
        self.id = id
        self.outcome: Outcome = outcome

    def __repr__(self) -> str:
        return f"<Handle of run {self.id} ({self.outcome})>"

    def run(self) -> RunRecord:
        """The run as it is now."""
        return self._runs.get(self.id)

    def status(self) -> Status:
        return self.run().status

    def wait(self, timeout: timedelta | float | None = None) -> RunRecord:
        """Wait until the run has ended, however it ended.

        `timeout` is in seconds, None waits for ever. Raises StillRunning when it is over.
        """
        for pause in _pauses(timeout):
            run = self.run()
            if run.ended:
                return run
            time.sleep(pause)
        raise _still_running(self.id, timeout)

    def result(self, timeout: timedelta | float | None = None) -> Any:
        """Wait for the end and give what the task returned.

        Raises RunFailed when the run failed or was cancelled, StillRunning when `timeout` (seconds) is over.
        """
        return _result(self.wait(timeout))

    def cancel(self, reason: str | None = None) -> CancelOutcome:
        """Cancel the run, or ask it to stop when it runs already; see `Runs.cancel`."""
        return self._runs.cancel(self.id, reason)


class AsyncHandle(Face[Handle]):
    """A handle whose methods are awaited."""

    @property
    def id(self) -> int:
        return self._behind.id

    @property
    def outcome(self) -> Outcome:
        return self._behind.outcome

    def __repr__(self) -> str:
        return f"<AsyncHandle of run {self.id} ({self.outcome})>"

    run = hopped(Handle.run)
    status = hopped(Handle.status)
    cancel = hopped(Handle.cancel)

    async def wait(self, timeout: timedelta | float | None = None) -> RunRecord:  # noqa: ASYNC109
        """See `Handle.wait`; holds no thread while it waits."""
        for pause in _pauses(timeout):
            run = await self.run()
            if run.ended:
                return run
            await asyncio.sleep(pause)
        raise _still_running(self.id, timeout)

    async def result(self, timeout: timedelta | float | None = None) -> Any:  # noqa: ASYNC109
        """See `Handle.result`."""
        return _result(await self.wait(timeout))


def hopped_to_handle(
    method: Callable[Concatenate[S, P], Handle],
) -> Callable[Concatenate[Face[S], P], Coroutine[Any, Any, AsyncHandle]]:
    """`hopped` for a method that gives a handle."""
    hop = hopped(method)

    @functools.wraps(method)
    async def call(self: Face[S], /, *args: P.args, **kwargs: P.kwargs) -> AsyncHandle:
        return self._facing(AsyncHandle, await hop(self, *args, **kwargs))

    return call


def _pauses(timeout: timedelta | float | None) -> Iterator[float]:
    """Pauses between looks, ending when the time is over; the first look and one at the very end are sure.

    A pause is a tenth of the time waited so far, within bounds, so an end is noticed late by a tenth at most.
    """
    limit = None if timeout is None else in_seconds(timeout)
    start = time.monotonic()
    while True:
        waited = time.monotonic() - start
        pause = min(max(waited / 10, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        if limit is None or waited < limit:
            yield pause if limit is None else min(pause, limit - waited)
        else:
            yield 0
            return


def _result(run: RunRecord) -> Any:
    if run.status == "completed":
        return run.result
    why = f": {run.error}" if run.error else ""
    raise RunFailed(
        f"run {run.id} of {run.task} {_ENDINGS[run.status]}{why}", f"See `hourhand run show {run.id}`."
    )


def _still_running(run_id: int, timeout: timedelta | float | None) -> StillRunning:
    return StillRunning(
        f"run {run_id} has not ended within {format_duration(timeout or 0)}",
        "Is a worker running? See `hourhand status`.",
    )


_ENDINGS = {"failed": "failed", "cancelled": "was cancelled"}
