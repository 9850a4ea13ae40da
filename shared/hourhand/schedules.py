"""`client.schedules`: create, change, pause and trigger schedules."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Unpack
from zoneinfo import ZoneInfo

from pydantic import Field
from typing_extensions import TypedDict

from hourhand import tracing
from hourhand.bands import bands
from hourhand.durations import parse_duration
from hourhand.errors import BadSchedule
from hourhand.handle import Handle, hopped_to_handle
from hourhand.hopping import Face, hopped
from hourhand.payloads import name_of, payload_of, plain
from hourhand.records import ScheduleRecord
from hourhand.runs import Runs

if TYPE_CHECKING:
    from hourhand.backfill import Plan
    from hourhand.caller import Caller
    from hourhand.explanation import Explanation
    from hourhand.tasks import Task

Span = timedelta | float | str
"""A duration: a timedelta, seconds, or text such as `1h30m`."""

ScheduleList = list[ScheduleRecord]
Explanations = Sequence["Explanation"]

KINDS = ("cron", "every", "run_at")
_TIMING = {*KINDS, "anchor", "timezone", "dst_gap", "dst_overlap", "exclude", "starts_at", "ends_at"}
SPANS = frozenset({"every", "catch_up_window", "jitter", "start_deadline", "timeout"})
_POSITIVE = frozenset({"every", "start_deadline", "timeout"})


class ScheduleFields(TypedDict, total=False):
    """What may be said about a schedule besides its name and task: the columns of `scheduled_jobs`.

    One of `cron` (one expression or several), `every` and `run_at` is needed; `run_at` without a zone is
    local time in `timezone`; `rank_intervals` make a fleet, see `hourhand.bands`. A field that is absent
    keeps its default, or at an update its value; None clears it.
    """

    cron: str | Sequence[str] | None
    every: Span | None
    anchor: datetime | None
    run_at: datetime | str | None
    timezone: str | None
    payload: Any
    description: str | None
    queue: str | None
    priority: Annotated[int, Field(ge=-100, le=100)]
    dst_gap: Literal["run_after", "skip"]
    dst_overlap: Literal["first", "last", "both"]
    catch_up: Literal["skip", "last", "all"]
    catch_up_window: Span | None
    catch_up_limit: Annotated[int, Field(ge=1, le=10_000)]
    overlap: Literal["skip", "buffer_one", "buffer_all", "cancel_other", "allow_all"]
    jitter: Span | None
    starts_at: datetime | None
    ends_at: datetime | None
    max_runs: Annotated[int, Field(ge=1)] | None
    exclude: Sequence[Any] | None
    start_deadline: Span | None
    profile: Literal["sleeper"] | None
    rank_intervals: Mapping[str, Any] | None
    max_attempts: Annotated[int, Field(ge=1, le=1000)] | None
    timeout: Span | None
    is_active: bool
    paused_until: datetime | None
    pause_note: str | None
    tags: Sequence[str]


class Schedules:
    """Keeps schedules. Each is called by its name or id; `id:7` is the one with the id 7 even where another
    one is called 7."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def create(
        self, name: str, task: Task[..., Any] | str, **fields: Unpack[ScheduleFields]
    ) -> ScheduleRecord:
        """Create a schedule; a payload is checked when the task is known here.

        Raises BadSchedule, BadPayload, or Conflict when the name is taken.
        """
        row = columns(fields)
        if "payload" in row:
            row["payload"] = payload_of(task, row["payload"])
        row |= {"name": name, "task": name_of(task)}
        self._check(row)
        return self._put("create", row)

    def update(
        self, name: str, *, task: Task[..., Any] | str | None = None, **fields: Unpack[ScheduleFields]
    ) -> ScheduleRecord:
        """Change what is given. Another kind of timing takes the place of the one before; a changed timing
        counts from now on, and nothing is made up for.

        Raises NotFound, BadSchedule, BadPayload.
        """
        before = self.get(name)
        row = columns(fields)
        if "payload" in row:
            row["payload"] = payload_of(task or before.task, row["payload"])
        if _TIMING & row.keys():
            row = _one_kind(row)
            self._check({**before.model_dump(mode="json", include=_TIMING), **row, "name": before.name})
        if task is not None:
            row["task"] = name_of(task)
        return self._put("update", {**row, "name": before.name})

    def get(self, name: str) -> ScheduleRecord:
        """One schedule with its latest runs and firings. Raises NotFound."""
        return ScheduleRecord.model_validate(self._caller.call("get_schedule", p_schedule=name))

    def list(
        self,
        *,
        search: str | None = None,
        active: bool | None = None,
        task: str | None = None,
        tag: str | None = None,
        limit: int = 1000,
    ) -> ScheduleList:
        """The schedules that match all that is given, by name; `search` is a part of the name or task."""
        matching = {"search": search, "active": active, "task": task, "tag": tag}
        given = {key: value for key, value in matching.items() if value is not None}
        answer = self._caller.call("list_schedules", p_filter=given, p_limit=limit)
        return list(map(ScheduleRecord.model_validate, answer["schedules"]))

    def pause(self, name: str, until: datetime | None = None, note: str | None = None) -> ScheduleRecord:
        """No firing until then, or until it is resumed. Raises NotFound."""
        return self._steer("pause_schedule", name, p_until=until, p_note=note)

    def resume(self, name: str) -> ScheduleRecord:
        """Go on with the next instant from now; nothing is made up for. Raises NotFound."""
        return self._steer("resume_schedule", name)

    def delete(self, name: str) -> ScheduleRecord:
        """Delete the schedule; its runs stay. Raises NotFound."""
        return self._steer("delete_schedule", name)

    def trigger(self, name: str, payload: Any = None) -> Handle:
        """Run it now, besides its timing, with another payload if one is given. Raises NotFound."""
        answer = self._caller.call(
            "trigger_schedule",
            p_schedule=str(name),
            p_payload=payload,
            p_request_id=uuid.uuid4(),
            p_trace_context=tracing.current(),
        )
        return Handle(Runs(self._caller), answer["id"], "created")

    def why(self, name: str, at: datetime | None = None) -> Explanations:
        """What happened at this time, or why nothing did; by default at the last times and the next.

        A time without a zone is local time in the schedule's, and means two instants where clocks repeat it.
        Raises NotFound.
        """
        from hourhand.inquiry import why

        return why(self._caller, name, at)

    def plan_backfill(self, name: str, start: datetime, end: datetime, limit: int | None = None) -> Plan:
        """The firings in [start, end] (aware) that did not run, at most the `limit` oldest; nothing is run.

        Raises NotFound, and BadSchedule when there are more than 10 000 and no limit.
        """
        from hourhand import backfill

        return backfill.plan(self._caller, name, start, end, limit)

    def backfill(self, name: str, start: datetime, end: datetime, limit: int | None = None) -> Sequence[int]:
        """Run the firings in [start, end] that did not run; the ids of their runs.

        They follow each other, unless the schedule's runs may overlap. Raises what `plan_backfill` does.
        """
        from hourhand import backfill

        return backfill.run(self._caller, self.plan_backfill(name, start, end, limit))

    def _check(self, row: Mapping[str, Any]) -> None:
        from hourhand.timetable import validate  # croniter takes its time to import

        validate(row, self._caller.settings.cron_timezone, self._caller.now())

    def _put(self, mode: str, row: Mapping[str, Any]) -> ScheduleRecord:
        answer = self._caller.call("put_schedule", p_schedule=dict(row), p_mode=mode)
        return ScheduleRecord.model_validate(answer["schedule"])

    def _steer(self, function: str, name: str, **params: Any) -> ScheduleRecord:
        return ScheduleRecord.model_validate(self._caller.call(function, p_schedule=str(name), **params))


class AsyncSchedules(Face[Schedules]):
    create = hopped(Schedules.create)
    update = hopped(Schedules.update)
    get = hopped(Schedules.get)
    list = hopped(Schedules.list)
    pause = hopped(Schedules.pause)
    resume = hopped(Schedules.resume)
    delete = hopped(Schedules.delete)
    trigger = hopped_to_handle(Schedules.trigger)
    why = hopped(Schedules.why)
    plan_backfill = hopped(Schedules.plan_backfill)
    backfill = hopped(Schedules.backfill)


def columns(fields: ScheduleFields) -> dict[str, Any]:
    """The fields as columns in plain JSON. Raises BadSchedule, and ValueError for a time without a zone."""
    if unknown := fields.keys() - ScheduleFields.__annotations__.keys():
        raise TypeError(f"a schedule has no field {', '.join(sorted(unknown))}")
    row = {name: _column(name, value) for name, value in fields.items()}
    run_at = fields.get("run_at")
    if isinstance(run_at, datetime) and run_at.tzinfo is not None:
        # The column is local time in the schedule's zone.
        zone = ZoneInfo(row.setdefault("timezone", "UTC") or "UTC")
        row["run_at"] = run_at.astimezone(zone).replace(tzinfo=None).isoformat()
    return row


def _column(name: str, value: Any) -> Any:
    if name in SPANS and value is not None:
        return _seconds(name, value)
    if name == "rank_intervals" and value is not None:
        return bands(value)
    if name == "cron" and value is not None and not isinstance(value, str):
        return ";".join(value)
    if name == "run_at" and isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    if name in ("tags", "exclude") and value is not None:
        if isinstance(value, str):
            raise BadSchedule(f"{name} is no list but the text {value!r}")
        return list(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"{name} {value} has no offset: write an instant, such as 2026-12-24T09:00:00+01:00")
    return plain(value)


def _seconds(name: str, value: Span) -> float:
    try:
        seconds = float(plain(parse_duration(value) if isinstance(value, str) else value))
    except ValueError as error:
        raise BadSchedule(f"{name}: {error}") from None
    if seconds < 0 or (seconds == 0 and name in _POSITIVE):
        raise BadSchedule(f"{name}: {seconds:g} seconds is too short")
    return seconds


def _one_kind(row: dict[str, Any]) -> dict[str, Any]:
    """A new kind of timing takes the place of the one there was."""
    if any(row.get(kind) is not None for kind in KINDS):
        return {**dict.fromkeys((*KINDS, "anchor")), **row}
    return row
