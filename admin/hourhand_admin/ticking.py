"""One pass over the schedules: fire them, work until nothing is runnable, tell how it went."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Any

from pydantic import SecretStr

from hourhand import columns, demo, embedded, log, migrate, registry
from hourhand.built_in import with_built_in
from hourhand.client import Client
from hourhand.errors import StillRunning
from hourhand.handle import Handle
from hourhand.records import RunRecord, ScheduleRecord
from hourhand.registry import Registry
from hourhand.sequence import sequence
from hourhand.settings import Settings, load_settings
from hourhand.transport import Listener, Transport, connect_direct
from hourhand_admin.tick_story import State, Story
from hourhand_scheduler.firing import Firing
from hourhand_scheduler.journal import Journal, Results
from hourhand_scheduler.scheduler import Scheduler
from hourhand_scheduler.session import Session, lease
from hourhand_worker.until import Until
from hourhand_worker.worker import Worker

APPLICATION = "hourhand-tick"

STATES = {"completed": State.COMPLETED, "failed": State.FAILED, "retry": State.FAILED}
"""By outcome of an attempt or status of a run; all others are no failures."""


MOST = 100_000
"""Schedules."""

SECOND = timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=60)
"""For a step that is to be tried again: what rests for longer is left to the next pass."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which schedules to run: those that are due, or whatever their timing all or those with these names."""

    everything: bool
    names: tuple[str, ...]


def tick(choice: Choice, max_time: timedelta | None, tasks: Sequence[str]) -> int:
    """The exit code. Raises HourhandError when it cannot begin."""
    began = monotonic()
    story = Story(_printer())
    with ExitStack() as stack:
        settings = stack.enter_context(_database(load_settings(tasks=tuple(tasks) or None)))
        stack.enter_context(_logging_to_stderr(settings))
        client = stack.enter_context(Client(settings=settings, application_name=APPLICATION))
        known = registry.load(settings.tasks)
        now = client.now()
        one_pass = Pass(client, known, story, None if max_time is None else began + max_time.total_seconds())
        one_pass.fire(choice)
        story.begin(now)
        one_pass.work()
        one_pass.look_after()
    return 0 if story.end(monotonic() - began) else 1


class Pass:
    """`deadline` (monotonic) is when no more runs are started or waited for."""

    def __init__(self, client: Client, tasks: Registry, story: Story, deadline: float | None) -> None:
        self._client = client
        self._tasks = with_built_in(tasks)
        self._story = story
        self._sequences: set[int] = set()
        self._deadline = deadline

    def fire(self, choice: Choice) -> None:
        """Raises NotFound for a name that no schedule has, before any is run."""
        settings, transport = self._client.settings, self._client.transport
        journal = _Tally(self._story)
        # Tasks are made known first: a new run takes its limits from them.
        tasks = self._tasks.definitions
        with Session(transport, journal, lease(settings), kind="cli", tasks=tasks) as session:
            if not (choice.everything or choice.names):
                Scheduler(transport, settings, session, journal).finish()
                return
            for name in self._active() if choice.everything else self._known(choice.names):
                self._story.expect(self._client.schedules.trigger(name).id, name)

    def work(self) -> None:
        """One run at a time, from every queue; steps that are tried again are waited for."""
        self._drain()
        while self._sequences and (pause := self._until_next_step()) is not None:
            sleep(pause)
            self._drain()

    def _until_next_step(self) -> float | None:
        """Seconds to wait for a step that holds up a sequence; None when there is nothing to wait for."""
        now = self._client.now()
        steps = [step for each in self._sequences for step in self._client.runs.list(parent_id=each)]
        waits = [
            SECOND if step.status == "processing" else step.run_at - now
            for step in steps
            if not step.ended and step.run_at is not None
        ]
        pause = min((wait for wait in waits if timedelta() < wait <= LONGEST_WAIT), default=None)
        left = self._left()
        if pause is None or (left is not None and left < pause.total_seconds()):
            return None
        return pause.total_seconds()

    def _drain(self) -> None:
        one_at_a_time = {"worker_batch": 1, "concurrency": 1, "prefetch": False}
        Worker(
            self._client.settings.model_copy(update=one_at_a_time),
            self._tasks,
            _Watched(self._client.transport, self._story, self._names(), self._sequences),
            kind="cli",
            name="tick",
            queues=(),
        ).run(Until(drain=True, seconds=self._left()))

    def look_after(self) -> None:
        """Ask what became of the runs that did not end well here: others may have taken them."""
        for run_id, job in self._story.jobs.items():
            if job.state is State.FAILED:
                run = self._awaited(run_id)
                job.state, job.message = self._standing(run, job.message)
                if run.duration is not None and not job.milliseconds:
                    job.milliseconds = run.duration / timedelta(milliseconds=1)

    def _awaited(self, run_id: int) -> RunRecord:
        """The run, when it no longer runs elsewhere or there is no more time to wait."""
        handle = Handle(self._client.runs, run_id, "existing")
        run = handle.run()
        if run.status == "processing":
            with suppress(StillRunning):
                return handle.wait(self._left())
        return handle.run()

    def _standing(self, run: RunRecord, said: str) -> tuple[State, str]:
        if run.status in STATES:
            return STATES[run.status], said or run.error or ""
        if run.status == "cancelled":
            return State.OTHER, "cancelled"
        if run.status == "processing":
            return State.FAILED, "still runs elsewhere"
        if run.task == sequence.name and run.progress:
            number, total = run.progress["done"] + 1, run.progress["total"]
            return State.FAILED, f"step {number} of {total} is not over: {run.progress.get('message')}"
        if said:
            return State.FAILED, f"{said} (waits for its retry)"
        if run.task not in self._tasks:
            return State.FAILED, f"no task is called {run.task} here: see --tasks and HOURHAND_TASKS"
        if self._left() == 0:
            return State.FAILED, "not started: the time was over (--max-time)"
        return State.OTHER, f"not started: due at {run.run_at}, or its queue or a limit holds it back"

    def _left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - monotonic())

    # --- Schedules ---

    def _active(self) -> list[str]:
        now = self._client.now()
        schedules = self._client.schedules.list(active=True, limit=MOST)
        return [
            one.name
            for one in schedules
            if (one.paused_until is None or one.paused_until <= now) and not _is_fleet(one)
        ]

    def _known(self, names: Sequence[str]) -> list[str]:
        return [self._client.schedules.get(name).name for name in names]

    def _names(self) -> Mapping[int, str]:
        return {one.id: one.name for one in self._client.schedules.list(limit=MOST)}


def _is_fleet(schedule: ScheduleRecord) -> bool:
    """Its items are due each on its own."""
    return (schedule.model_extra or {}).get("rank_intervals") is not None


class _Tally(Journal):
    """Tells the story of what was fired."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self._story = story

    def decided(self, firings: Sequence[Firing], results: Results, now: datetime) -> None:
        super().decided(firings, results, now)
        for firing in firings:
            for run in results[firing.schedule_id]["runs"]:
                if run["decision"] == "fired":
                    self._story.expect(run["id"], firing.name)


class _Watched:
    """The worker's way to the database, which tells the story of what it claims and finishes.

    Sequences are told by their steps; those that have begun here and are not over are in `sequences`.
    """

    def __init__(
        self, transport: Transport, story: Story, names: Mapping[int, str], sequences: set[int]
    ) -> None:
        self._transport = transport
        self._story = story
        self._names = names
        self._sequences = sequences
        self.name = transport.name

    def call(self, function: str, params: Mapping[str, Any] | None = None, *, retry: bool = True) -> Any:
        answer = self._transport.call(function, params, retry=retry)
        if function == "claim":
            for row in columns.rows(answer["runs"]):
                self._started(row)
        if function == "finish" and params is not None:
            stale = {told["token"] for told in answer["results"] if told["outcome"] == "stale"}
            for result in columns.rows(params["p_results"]):
                if result["token"] not in stale:
                    self._ended({"outcome": "completed"} | result)
        return answer

    def _started(self, row: Mapping[str, Any]) -> None:
        name = self._names.get(row["schedule_id"], row["task"])
        if row["task"] == sequence.name:
            self._sequences.add(row["id"])
            self._story.expect(row["id"], name)
        else:
            self._story.started(row["id"], name, row["attempt"])

    def _ended(self, result: Mapping[str, Any]) -> None:
        if result["id"] in self._sequences:
            if result["outcome"] == "snooze":
                return
            self._sequences.discard(result["id"])
            if result.get("result"):
                self._story.dismiss(result["id"])
                return
        error = result.get("error") or {}
        outcome = result["outcome"]
        message = error.get("message") or error.get("class") or ("" if outcome == "completed" else outcome)
        state = STATES.get(outcome, State.OTHER)
        self._story.ended(result["id"], state, result["duration_ms"] or 0.0, message)

    def listen(self, channels: Sequence[str], notify: Callable[[str], None]) -> Listener | None:
        return self._transport.listen(channels, notify)

    def close(self) -> None:
        self._transport.close()


# --- Around it ---


@contextmanager
def _database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database to use: an embedded one, meanwhile, where none is configured."""
    if settings.database != "embedded":
        yield settings
        return
    with embedded.database(settings) as url:
        joined = {"database_url": SecretStr(url), "transport": "postgres"}
        settings = settings.model_copy(update={**joined, "tasks": (*settings.tasks, demo.__name__)})
        with closing(connect_direct(settings, application_name=APPLICATION)) as database:
            migrate.apply(database)
        yield settings


@contextmanager
def _logging_to_stderr(settings: Settings) -> Iterator[None]:
    """stdout is kept for the story."""
    with redirect_stdout(sys.stderr):
        log.configure(settings, "worker", "tick")
        try:
            yield
        finally:
            log.close()


def _printer() -> Callable[[str], None]:
    """Prints on the stdout of now, in whatever encoding it has, at once."""
    out = sys.stdout
    encoding = out.encoding or "utf-8"

    def print_line(line: str) -> None:
        out.write(line.encode(encoding, "replace").decode(encoding) + "\n")
        out.flush()

    return print_line
