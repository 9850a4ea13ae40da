"""What the database tells about runs and schedules, typed.

Fields that a newer database adds are kept (`model_extra`), so that an older program goes on reading.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer

Instant = Annotated[
    datetime,
    AfterValidator(lambda at: at.astimezone(UTC)),
    PlainSerializer(datetime.isoformat, when_used="json"),
]
"""An aware datetime in UTC; in JSON as the database and the REST API write it."""

Status = Literal["pending", "processing", "completed", "failed", "cancelled"]
Outcome = Literal["created", "existing", "replaced"]
CancelOutcome = Literal["cancelled", "requested", "finished"]

ENDED: frozenset[str] = frozenset({"completed", "failed", "cancelled"})


class Record(BaseModel):
    """Frozen; in JSON, instants are ISO strings in UTC and durations seconds."""

    model_config = ConfigDict(frozen=True, extra="allow", ser_json_timedelta="float")


class RunRecord(Record):
    """One run as it was when it was read; only `get` fills payload and result."""

    id: int
    task: str
    status: Status
    queue: str = "default"
    priority: int = 0
    trigger: str | None = None
    attempt: int = 0
    max_attempts: int | None = None
    timeout: timedelta | None = None
    payload: Any = None
    result: Any = None
    error: str | None = None
    progress: Any = None
    schedule_id: int | None = None
    scheduled_for: Instant | None = None
    parent_id: int | None = None
    retry_of: int | None = None
    run_at: Instant | None = None
    created_at: Instant | None = None
    started_at: Instant | None = None
    finished_at: Instant | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def duration(self) -> timedelta | None:
        """From the start of the last attempt to the end, once there is one."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at


class ScheduleRecord(Record):
    """One schedule as it was when it was read. Several cron expressions are separated by `;`."""

    id: int
    name: str
    task: str
    description: str | None = None
    payload: Any = None
    queue: str | None = None
    priority: int | None = None
    cron: str | None = None
    every: timedelta | None = None
    anchor: Instant | None = None
    run_at: datetime | None = None
    timezone: str | None = None
    is_active: bool = True
    paused_until: Instant | None = None
    pause_note: str | None = None
    tags: tuple[str, ...] = ()
    next_run_at: Instant | None = None
    last_run_at: Instant | None = None
    error: str | None = None
    revision: int | None = None


class ItemRecord(Record):
    """One item of a fleet as it was when it was read.

    `ranks` says who ranked it how, the highest is its `rank`; `interval` is that of its rank. `run_id` is its
    live run; while it has none, it is due at `next_run_at`.
    """

    item: str
    rank: int
    ranks: dict[str, int] = {}
    payload: Any = None
    interval: timedelta
    last_completed_at: Instant | None = None
    next_run_at: Instant
    failures: int = 0
    run_id: int | None = None


class FleetRecord(Record):
    """The items of a schedule that were asked for, the next due first; `total` and `due` count all of it."""

    now: Instant
    schedule: str
    rank_intervals: dict[str, Any] | None = None
    total: int
    due: int
    items: list[ItemRecord]


class LogLine(Record):
    """One line that a run wrote."""

    id: int
    attempt: int
    seq: int
    at: Instant
    level: str
    message: str
