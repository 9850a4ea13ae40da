"""What routes are asked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

LARGEST = 2**63 - 1
_YEAR = 366 * 86_400

RunId = Annotated[int, Path(ge=1, le=LARGEST, description="The id of a run.")]
ScheduleId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=200,
        description="The name of a schedule or its id; id:7 is always the one with the id 7.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="The most that one page has.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1, max_length=255, description="The same request with the same key is done once a day."
    ),
]
TraceParent = Annotated[
    str | None, Header(description="The span that asks, as W3C's Trace Context has it; kept with the run.")
]
_EventId = Annotated[str, Query(alias="lastEventId", description="For an EventSource that sends no headers.")]


async def _last_event_id(
    last_event_id: Annotated[str, Header(max_length=4000)] = "", in_query: _EventId = ""
) -> str:
    return last_event_id or in_query[:4000]


LastEventId = Annotated[str, Depends(_last_event_id)]
"""That of the last event that arrived before a stream broke off."""
Payload = Annotated[dict[str, Any] | list[Any], Field(description="What the task is given, at most 256 kB.")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
QueueName = Annotated[str, Field(min_length=1, max_length=100)]
Priority = Annotated[int, Field(ge=-100, le=100, description="Higher goes first.")]
Attempts = Annotated[int, Field(ge=1, le=1000)]
Timeout = Annotated[float, Field(gt=0, le=100 * _YEAR, description="Seconds for one attempt.")]
Span = Annotated[
    Annotated[float, Field(ge=0, le=100 * _YEAR)] | Annotated[str, Field(max_length=64)],
    Field(description="Seconds, or text such as `1h30m`."),
]
Whole = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Asked(BaseModel):
    """A field that is not known is refused: it may be one that was misspelt."""

    model_config = ConfigDict(extra="forbid")


class NewRun(Asked):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"task": "ingest-rss", "payload": {"url": "https://example.org/rss"}}]
        }
    )
    task: Name
    payload: Payload = {}
    queue: QueueName | None = None
    priority: Priority = 0
    run_at: AwareDatetime | None = Field(default=None, description="Not before; at once if it is left out.")
    key: str | None = Field(default=None, min_length=1, max_length=500, description="One run for each key.")
    key_scope: str | None = Field(
        default=None, max_length=200, description="Where the key counts; the task if left out."
    )
    key_ttl: float | None = Field(
        default=None, gt=0, le=10 * _YEAR, description="Seconds; a day if left out."
    )
    on_conflict: Literal["existing", "replace"] = "existing"
    concurrency_key: str | None = Field(default=None, max_length=500)
    max_attempts: Attempts | None = None
    timeout: Timeout | None = None
    parent_id: int | None = Field(default=None, ge=1, le=LARGEST)


class NewPayload(Asked):
    payload: Payload | None = Field(default=None, description="Another payload; the same if left out.")


class Reason(Asked):
    reason: str | None = Field(default=None, max_length=1000)


class Lifetime(Asked):
    seconds: float = Field(default=900, gt=0, le=3600)


class ScheduleFields(Asked):
    """One of `cron`, `every` and `run_at` says when."""

    description: str | None = Field(default=None, max_length=10_000)
    payload: Payload = {}
    queue: QueueName | None = None
    priority: Priority = 0
    cron: Annotated[str, Field(max_length=256)] | Annotated[list[str], Field(max_length=20)] | None = Field(
        default=None, examples=["*/15 * * * *"]
    )
    every: Span | None = None
    anchor: AwareDatetime | None = None
    run_at: str | None = Field(
        default=None, max_length=40, description="Local time in `timezone`, such as 2027-01-01T09:00."
    )
    timezone: str | None = Field(default=None, max_length=100, examples=["Europe/Berlin"])
    dst_gap: Literal["run_after", "skip"] = "run_after"
    dst_overlap: Literal["first", "last", "both"] = "first"
    catch_up: Literal["skip", "last", "all"] = "last"
    catch_up_window: Span | None = None
    catch_up_limit: int = Field(default=100, ge=1, le=10_000)
    overlap: Literal["skip", "buffer_one", "buffer_all", "cancel_other", "allow_all"] = "skip"
    jitter: Span | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    max_runs: Whole | None = None
    exclude: list[Any] | None = Field(default=None, max_length=1000)
    start_deadline: Span | None = None
    profile: Literal["sleeper"] | None = None
    rank_intervals: dict[str, Any] | None = None
    max_attempts: Attempts | None = None
    timeout: Span | None = None
    is_active: bool = True
    paused_until: AwareDatetime | None = None
    pause_note: str | None = Field(default=None, max_length=1000)
    tags: list[Annotated[str, Field(max_length=100)]] = Field(default=[], max_length=100)


class NewSchedule(ScheduleFields):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "news", "task": "ingest-rss", "cron": "*/15 * * * *", "timezone": "Europe/Berlin"}
            ]
        }
    )
    name: Name
    task: Name


class ScheduleChange(ScheduleFields):
    """Only what is given changes; null takes a value away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cron": "0 6 * * *"}]})
    name: Name = Field(default="", description="A new name.")
    task: Name = Field(default="")


class Timing(Asked):
    """What a preview is wanted of."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"cron": "30 2 * * *", "timezone": "Europe/Berlin"}]}
    )
    cron: str | None = Field(default=None, max_length=256)
    every: Span | None = None
    anchor: AwareDatetime | None = None
    run_at: str | None = Field(default=None, max_length=40)
    timezone: str | None = Field(default=None, max_length=100)
    dst_gap: Literal["run_after", "skip"] = "run_after"
    dst_overlap: Literal["first", "last", "both"] = "first"
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    max_runs: Whole | None = None
    exclude: list[Any] | None = Field(default=None, max_length=1000)
    name: str | None = Field(default=None, max_length=200, description="The schedule's name, for H in cron.")
    count: int = Field(default=10, ge=1, le=100, description="How many firings.")


class Pause(Asked):
    until: AwareDatetime | None = Field(default=None, description="For good if it is left out.")
    note: str | None = Field(default=None, max_length=1000)


class Backfill(Asked):
    """`from` and `to` are both included."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"from": "2026-12-24T00:00:00Z", "to": "2026-12-25T00:00:00Z"}]}
    )
    begin: AwareDatetime = Field(alias="from")
    to: AwareDatetime
    limit: int | None = Field(default=None, ge=1, le=10_000)
    dry_run: bool = False


class Note(Asked):
    note: str | None = Field(default=None, max_length=1000)


class QueueLimit(Asked):
    """What is left out stays; null takes the limit away."""

    concurrency: Whole | None = Field(default=None, description="Runs at a time, over all workers.")
    rate: float | None = Field(default=None, gt=0, le=1_000_000, description="Runs per second.")
    burst: Whole | None = None


class Trigger(Asked):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"taskId": "my-task", "payload": {"itemId": "123"}}]}
    )
    task: Name = Field(alias="taskId")
    payload: Payload = {}
