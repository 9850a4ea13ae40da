"""`hourhand doctor --test-pipeline`: one run of the built-in check task, from its order to its result."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

from hourhand.check import NAME, check
from hourhand.durations import format_duration
from hourhand.errors import HourhandError
from hourhand_admin import obstacles
from hourhand_admin.health import Finding, FindingId

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.records import LogLine

T = TypeVar("T")
Row = Mapping[str, Any]

RESTARTING = 5.0
"""Seconds in which what is missing may still come: a service that is being started."""

AHEAD = timedelta(seconds=1)
"""How soon the schedule of the test is due."""

_PRIORITY = 100
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """Something that worked, and how many milliseconds it took."""

    id: str
    what: str
    ms: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Steps = Generator[Step, None, None]


class Stuck(Exception):  # noqa: N818  (it says what happened)
    """The run did not come through."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.what)
        self.finding = finding


class Pipeline:
    """One test, bounded by `timeout` as a whole."""

    def __init__(self, client: Client, queue: str, timeout: timedelta) -> None:
        self._client = client
        self._queue = queue
        self._timeout = timeout
        self._deadline = monotonic() + timeout.total_seconds()
        self._word = secrets.token_hex(4)

    def by_run(self) -> Steps:
        """Order a run and follow it, step by step. Raises Stuck and the TransportErrors."""
        handle, ms = _timed(
            lambda: self._client.enqueue(
                check, word=self._word, queue=self._queue, priority=_PRIORITY, timeout=self._timeout
            )
        )
        yield Step("sent", f"run {handle.id} is in queue {self._queue}", ms)
        yield from self._follow(handle.id)

    def by_schedule(self) -> Steps:
        """Create a schedule that fires once, and follow its run. Raises Stuck and the TransportErrors."""
        name = f"{NAME}-{self._word}"
        _, ms = _timed(lambda: self._schedule(name))
        try:
            yield Step("scheduled", f"schedule {name} is due in {format_duration(AHEAD)}", ms)
            firing = self._wait_for(lambda: self._firing(name), self._no_firing)
            if firing["run_id"] is None:
                why = firing["reason"] or firing["decision"]
                raise Stuck(_finding("pipeline-fire", f"the schedule of the test did not run: {why}"))
            yield Step("fired", f"run {firing['run_id']} is in queue {self._queue}", firing["lag_ms"] or 0.0)
            yield from self._follow(firing["run_id"])
        finally:
            self._client.schedules.delete(name)

    def _schedule(self, name: str) -> None:
        self._client.schedules.create(
            name,
            check,
            run_at=self._client.now() + AHEAD,
            timezone="UTC",
            payload={"word": self._word},
            queue=self._queue,
            priority=_PRIORITY,
            timeout=self._timeout,
            description="A test of the pipeline, deleted at its end.",
            tags=["alert:off"],
        )

    def _follow(self, run: int) -> Steps:
        try:
            claimed = self._wait_for(lambda: self._run_since(run, "claimed_at"), self._no_claim)
            if claimed["claimed_at"] is None:
                self._check(claimed)  # somebody has cancelled it
            yield Step("claimed", f"by worker {claimed['worker']}", _between(claimed, "run_at", "claimed_at"))
            ended = self._wait_for(lambda: self._run_since(run, "finished_at"), self._no_end)
            self._check(ended)
            yield Step("started", f"attempt {ended['attempt']}", _between(ended, "claimed_at", "started_at"))
            yield Step("finished", "completed", _between(ended, "started_at", "finished_at"))
            _, ms = _timed(lambda: self._wait_for(lambda: self._line(run), self._no_line))
            yield Step("read", "its log and its result say what was sent", ms)
        except BaseException:
            with suppress(HourhandError):
                self._client.runs.cancel(run, "the test of the pipeline was given up")
            raise

    def _check(self, ended: Row) -> None:
        run, status = ended["id"], ended["status"]
        if status != "completed":
            why = ended["error"] or ended["cancel_reason"] or "no reason is given"
            raise Stuck(_finding("pipeline-run", f"run {run} of the test {status}: {why}"))
        if ended["result"] != {"word": self._word}:
            what = f"run {run} of the test returned {ended['result']!r}, not what was sent"
            raise Stuck(_finding("pipeline-run", what))

    # --- Looking ---

    def _firing(self, schedule: str) -> Row | None:
        firings: list[Row] = self._client.call("get_schedule", p_schedule=schedule)["firings"]
        return firings[0] if firings else None

    def _run_since(self, run: int, reached: str) -> Row | None:
        row: Row = self._client.call("get_run", p_run_id=run)
        return row if row[reached] or row["finished_at"] else None

    def _line(self, run: int) -> LogLine | None:
        return next((line for line in self._client.runs.logs(run) if line.message == self._word), None)

    def _wait_for(self, look: Callable[[], T | None], why_not: Callable[[bool], Finding | None]) -> T:
        """What `look` finds. Raises Stuck: soon when something is missing, else when the time is over."""
        began, asked = monotonic(), False
        while (found := look()) is None:
            waited, over = monotonic() - began, monotonic() >= self._deadline
            if over or (waited > RESTARTING and not asked):
                asked = True
                if (finding := why_not(over)) is not None:
                    raise Stuck(finding)
            sleep(min(max(waited / 10, _SHORTEST_PAUSE), _LONGEST_PAUSE))
        return found

    # --- Why it is not there: a finding, or None while it may still come ---

    def _no_firing(self, over: bool) -> Finding | None:
        missing = obstacles.to_firing(self._client)
        what = f"the schedule of the test was not fired {self._in_time}, though a scheduler is alive"
        fix = "Without hints it looks every JOB_SCHEDULER_POLL_MS: give it longer with --timeout."
        return missing or (_finding("pipeline-fire", what, fix) if over else None)

    def _no_claim(self, over: bool) -> Finding | None:
        missing = obstacles.to_claiming(self._client, self._queue)
        what = (
            f"the run of the test was not taken {self._in_time}, though a worker is alive: are they all busy?"
        )
        fix = (
            "`hourhand status` shows what waits. More workers or HOURHAND_CONCURRENCY do more at once; "
            "without hints they look every JOB_WORKER_POLL_MS: give them longer with --timeout."
        )
        return missing or (_finding("pipeline-claim", what, fix) if over else None)

    def _no_end(self, over: bool) -> Finding | None:
        what = f"the run of the test was taken, but has not ended {self._in_time}"
        return _finding("pipeline-run", what) if over else None

    def _no_line(self, over: bool) -> Finding | None:
        what = "the run of the test has ended, but the line that it logged is not there"
        return _finding("pipeline-run", what) if over else None

    @property
    def _in_time(self) -> str:
        return f"within {format_duration(self._timeout)}"


def _finding(
    id: FindingId,  # noqa: A002
    what: str,
    fix: str = "The log of the service says more: hourhand logs",
) -> Finding:
    return Finding(id, "down", what, fix)


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    began = monotonic()
    return call(), (monotonic() - began) * 1000


def _between(run: Row, first: str, second: str) -> float:
    """Milliseconds by the clock of the database, of which workers know the time to some milliseconds."""
    distance = datetime.fromisoformat(run[second]) - datetime.fromisoformat(run[first])
    return max(distance / timedelta(milliseconds=1), 0.0)
