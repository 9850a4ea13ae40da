"""What routes answer. Models describe it; rows go out as the database gave them: odd ones break no list."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from hourhand.records import CancelOutcome, Outcome, Status

Instant = Annotated[
    str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-12-24T18:00:00+00:00"])
]


class Answer(BaseModel):
    """Fields may be added to any answer."""

    model_config = ConfigDict(extra="allow")


def told(data: Any, status: int = 200, **headers: str) -> JSONResponse:
    """A header's name has `_` for `-`."""
    return JSONResponse(data, status, {name.replace("_", "-"): value for name, value in headers.items()})


class Enqueued(Answer):
    """`existing`: the same request was made before, and this is its run."""

    id: int
    outcome: Outcome


class Run(Answer):
    id: int
    task: str
    status: Status
    queue: str
    priority: int
    trigger: str
    schedule: str | None = Field(None, description="The name of its schedule.")
    schedule_id: int | None = None
    scheduled_for: Instant | None = Field(None, description="The instant of the schedule that it is for.")
    run_at: Instant
    attempt: int
    max_attempts: int
    created_at: Instant
    claimed_at: Instant | None = None
    started_at: Instant | None = None
    finished_at: Instant | None = None
    cancel_requested_at: Instant | None = None
    parent_id: int | None = None
    retry_of: int | None = None
    error: str | None = None


class Attempt(Answer):
    """One that did not simply complete."""

    attempt: int
    outcome: str
    error_class: str | None = None
    message: str | None = None
    traceback: str | None = None
    ended_at: Instant
    worker: str | None = None


class WholeRun(Run):
    payload: Any
    result: Any = None
    progress: Any = None
    timeout: float | None = Field(None, description="Seconds.")
    attempts: list[Attempt] = []
    children: list[int] = []


class Runs(Answer):
    runs: list[Run]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class Line(Answer):
    id: int
    attempt: int
    seq: int
    at: Instant
    level: str
    message: str


class Lines(Answer):
    """`terminal`: the run has ended, and no more lines will come."""

    logs: list[Line]
    status: Status
    terminal: bool


class Attempts(Answer):
    attempts: list[Attempt]


class Cancelled(Answer):
    """`requested`: it is running, and its worker will be told; `finished`: it was over already."""

    id: int
    outcome: CancelOutcome
    status: Status


class RunToken(Answer):
    token: str
    run_id: int
    expires_at: Instant


class Schedule(Answer):
    """Durations in seconds."""

    id: int
    name: str
    task: str
    description: str | None = None
    payload: Any
    cron: str | None = None
    every: float | None = None
    run_at: str | None = Field(None, description="Local time in its zone.")
    timezone: str | None = None
    catch_up: str
    overlap: str
    is_active: bool
    paused_until: Instant | None = None
    next_run_at: Instant | None = Field(None, description="Null: the scheduler is going to compute it.")
    last_run_at: Instant | None = None
    error: str | None = None
    tags: list[str] = []
    created_at: Instant
    updated_at: Instant


class Schedules(Answer):
    schedules: list[Schedule]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class Firing(Answer):
    scheduled_for: Instant
    scheduled_until: Instant | None = Field(None, description="The last instant, where the row is a stretch.")
    count: int
    decision: str
    reason: str | None = None
    run_id: int | None = None
    lag_ms: int | None = None


class Firings(Answer):
    firings: list[Firing]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class Next(Answer):
    timezone: str
    firings: list[Instant]


class Preview(Answer):
    description: str = Field(examples=["At 02:30, every day"])
    timezone: str
    firings: list[Instant]
    notes: list[str] = Field(description="What clock changes in the next 400 days do to it.")
    warnings: list[str] = Field(description="What may surprise, such as that it never fires.")


class Why(Answer):
    at: Instant
    kind: str
    text: str
    run_id: int | None = None


class Backfilled(Answer):
    firings: list[Instant] = Field(description="The instants that did not run before.")
    runs: list[int] = Field(description="The runs that were made for them; none in a dry run.")
    ran: int = Field(description="Instants that had run already.")
    excluded: int


class Task(Answer):
    name: str
    description: str | None = None
    payload_schema: Any = Field(None, alias="schema", description="The JSON schema of its payload.")
    queue: str
    max_attempts: int
    timeout: float
    workers: int = Field(description="Living workers that can run it.")


class Tasks(Answer):
    tasks: list[Task]


class Service(Answer):
    id: str
    kind: Literal["scheduler", "worker", "admin", "cli"]
    name: str
    host: str
    pid: int
    version: str
    state: Literal["alive", "late", "lost", "closed"]


class Services(Answer):
    services: list[Service]


class Queue(Answer):
    name: str
    paused_at: Instant | None = None
    pause_note: str | None = None
    concurrency: int | None = None
    rate: float | None = Field(None, description="Runs per second.")


class Queues(Answer):
    queues: list[Queue]


class JobStatus(Answer):
    """A run in the words of other job queues."""

    id: int
    status: Literal["QUEUED", "EXECUTING", "COMPLETED", "FAILED", "CANCELLED"]
    output: Any = None
    error: str | None = None


class Triggered(Answer):
    id: int
