"""Schedules: keep them, and ask what they did and are going to do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Header, HTTPException, Query, Response
from pydantic import AwareDatetime

from hourhand import backfill as backfills
from hourhand.timetable import Timetable
from hourhand_admin.web.access.needs import Operator, Viewer
from hourhand_admin.web.desk import Desk
from hourhand_admin.web.look.times import instant
from hourhand_admin.web.rest import answers
from hourhand_admin.web.rest.answers import told
from hourhand_admin.web.rest.bodies import api
from hourhand_admin.web.rest.clerk import Editor, asked_in, change, check_payload, request_id, run_made
from hourhand_admin.web.rest.paging import after, cursor
from hourhand_admin.web.rest.requests import (
    Backfill,
    Cursor,
    IdempotencyKey,
    Limit,
    NewPayload,
    NewSchedule,
    Pause,
    ScheduleChange,
    ScheduleId,
    TraceParent,
)
from hourhand_admin.web.scheduling.forecast import coming
from hourhand_admin.web.visit import Visit

router = api("/api/v1/schedules", "schedules")

IfMatch = Annotated[str | None, Header(max_length=1000, description="The ETag that was read.")]
_ETAG = {"headers": {"ETag": {"description": "Names its version.", "schema": {"type": "string"}}}}
_GONE_BY: dict[int | str, dict[str, Any]] = {
    412: {"description": "It was changed meanwhile."},
}


@router.get("", response_model=answers.Schedules)
def list_schedules(
    visit: Viewer,
    search: Annotated[
        str | None, Query(max_length=200, description="A part of name, task or description.")
    ] = None,
    state: Annotated[str | None, Query(pattern="^(active|paused|broken)$")] = None,
    task: Annotated[str | None, Query(max_length=200)] = None,
    tag: Annotated[str | None, Query(max_length=100)] = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Response:
    """By name. All filters that are given have to match."""
    chosen = {"search": search, "state": state, "task": task, "tag": tag}
    found = visit.call(
        "browse_schedules",
        p_filter={name: value for name, value in chosen.items() if value is not None},
        p_limit=limit,
        p_after=after(cursor_) or "",
    )
    return told({"now": found["now"], "schedules": found["schedules"], "next": cursor(found["next"])})


@router.post("", status_code=201, response_model=answers.Schedule, responses={201: _ETAG})
def create(visit: Operator, schedule: NewSchedule) -> Response:
    """Create a schedule. 409 when there is one of this name; 422 also for a timing that never comes."""
    check_payload(visit, schedule.task, schedule.payload, fleet=bool(schedule.rank_intervals))
    made = Desk(visit).schedules.create(**schedule.model_dump(exclude_unset=True))
    return _shown(visit, str(made.id), 201)


@router.get("/{schedule_id}", response_model=answers.Schedule, responses={200: _ETAG})
def show(visit: Viewer, schedule_id: ScheduleId) -> Response:
    """One schedule with its last runs and firings. A PATCH may send the ETag back as If-Match."""
    return _shown(visit, schedule_id)


@router.patch("/{schedule_id}", response_model=answers.Schedule, responses={200: _ETAG, **_GONE_BY})
def edit(
    visit: Operator, schedule_id: ScheduleId, changes: ScheduleChange, if_match: IfMatch = None
) -> Response:
    """Change what is given, and leave the rest. With If-Match only if nobody has changed it since."""
    before = _matching(visit, schedule_id, if_match or "*")
    given: dict[str, Any] = changes.model_dump(exclude_unset=True)
    new_name, task = given.pop("name", None), given.pop("task", None)
    if "payload" in given or task is not None:
        wanted = {**before, **given}
        fleet = bool(wanted["rank_intervals"])
        check_payload(visit, task or before["task"], wanted["payload"], fleet=fleet)
    Editor(visit, before, new_name).schedules.update(str(before["name"]), task=task, **given)
    return _shown(visit, str(before["id"]))


@router.delete("/{schedule_id}", status_code=204, responses=_GONE_BY)
def delete(visit: Operator, schedule_id: ScheduleId, if_match: IfMatch = None) -> Response:
    """Delete it. Its runs stay. With If-Match only if nobody has changed it since."""
    if if_match is None:
        visit.act("delete_schedule", p_schedule=schedule_id)
    else:
        change(visit, _matching(visit, schedule_id, if_match), None)
    return Response(status_code=204)


@router.post("/{schedule_id}/trigger", status_code=201, response_model=answers.Enqueued)
def trigger(
    visit: Operator,
    schedule_id: ScheduleId,
    body: NewPayload | None = None,
    idempotency_key: IdempotencyKey = None,
    traceparent: TraceParent = None,
) -> Response:
    """Run it now, besides its timing."""
    payload = body.payload if body else None
    if payload is not None:
        check_payload(visit, visit.call("get_schedule", p_schedule=schedule_id)["task"], payload)
    key = request_id(visit, idempotency_key)
    answer = visit.act(
        "trigger_schedule",
        p_schedule=schedule_id,
        p_payload=payload,
        p_request_id=key,
        p_trace_context=asked_in(traceparent),
    )
    return run_made(visit, answer)


@router.post("/{schedule_id}/pause", response_model=answers.Schedule, responses={200: _ETAG})
def pause(visit: Operator, schedule_id: ScheduleId, body: Pause | None = None) -> Response:
    """No firing until then, or until it is resumed."""
    body = body or Pause()
    until = body.until.isoformat() if body.until else None
    return _row(visit.act("pause_schedule", p_schedule=schedule_id, p_until=until, p_note=body.note))


@router.post("/{schedule_id}/resume", response_model=answers.Schedule, responses={200: _ETAG})
def resume(visit: Operator, schedule_id: ScheduleId) -> Response:
    """Go on with the next instant from now; nothing is made up for."""
    return _row(visit.act("resume_schedule", p_schedule=schedule_id))


@router.post("/{schedule_id}/backfill", response_model=answers.Backfilled)
def backfill(visit: Operator, schedule_id: ScheduleId, body: Backfill) -> Response:
    """Run the firings of a time that did not run. What has run is left alone, so it may be repeated."""
    clerk = Desk(visit)
    plan = clerk.schedules.plan_backfill(schedule_id, body.begin, body.to, body.limit)
    runs = [] if body.dry_run else backfills.run(clerk, plan)
    firings = [at.isoformat() for at in plan.instants]
    return told({"firings": firings, "runs": runs, "ran": plan.ran, "excluded": plan.excluded})


@router.get("/{schedule_id}/firings", response_model=answers.Firings)
def firings(
    visit: Viewer,
    schedule_id: ScheduleId,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    to: AwareDatetime | None = None,
    limit: Limit = 100,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Response:
    """What was decided about each of its instants, the oldest first."""
    on = after(cursor_)
    found = visit.call(
        "list_firings", p_schedule=schedule_id, p_from=since, p_until=to, p_limit=limit, p_after=on
    )
    more = found.pop("more")
    return told({**found, "next": cursor(more)})


@router.get("/{schedule_id}/next", response_model=answers.Next)
def next_firings(
    visit: Viewer, schedule_id: ScheduleId, n: Annotated[int, Query(ge=1, le=100)] = 10
) -> Response:
    """Its next firings, as far as a pause and max_runs allow."""
    row = visit.call("get_schedule", p_schedule=schedule_id)
    zone = str(visit.settings.cron_timezone)
    found: list[datetime] = []
    if row["is_active"]:
        found = coming(row, Timetable.of(row, zone), _now(row), n)
    return told({"timezone": row["timezone"] or zone, "firings": [at.isoformat() for at in found]})


@router.get("/{schedule_id}/why", response_model=list[answers.Why])
def why(visit: Viewer, schedule_id: ScheduleId, at: AwareDatetime | None = None) -> Response:
    """Why it ran, or did not, at a time; around now if none is given."""
    return told(
        [
            {"at": each.at.isoformat(), "kind": each.kind, "text": each.text, "run_id": each.run_id}
            for each in Desk(visit).schedules.why(schedule_id, at)
        ]
    )


def _shown(visit: Visit, schedule_id: str, status: int = 200) -> Response:
    row = visit.call("get_schedule", p_schedule=schedule_id)
    answer = _row(row, status)
    if status == 201:
        answer.headers["location"] = visit.url(f"/api/v1/schedules/{row['id']}")
    return answer


def _row(row: dict[str, Any], status: int = 200) -> Response:
    return told(row, status, etag=_etag(row))


def _etag(row: dict[str, Any]) -> str:
    """Of what people set. That the scheduler goes on with it is no change."""
    return f'"{row["updated_at"]}"'


def _matching(visit: Visit, schedule_id: str, if_match: str) -> dict[str, Any]:
    """The schedule, if its ETag is among those. Raises HTTPException 412."""
    row: dict[str, Any] = visit.call("get_schedule", p_schedule=schedule_id)
    given = [each.strip() for each in if_match.split(",")]
    if "*" not in given and _etag(row) not in given:
        raise HTTPException(412, "Somebody has changed this schedule meanwhile. Read it again, then decide.")
    return row


def _now(row: dict[str, Any]) -> datetime:
    now = instant(row["now"])
    assert now is not None
    return now
