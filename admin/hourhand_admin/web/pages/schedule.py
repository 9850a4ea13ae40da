"""The page of one schedule: how it is, what became of its firings and why, and what can be done with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Response

from hourhand.errors import BadInput, BadPayload, BadSchedule
from hourhand.explanation import Explanation
from hourhand.inquiry import why
from hourhand.timetable import Timetable
from hourhand_admin.web.access.needs import Operator, Viewer
from hourhand_admin.web.desk import Desk
from hourhand_admin.web.look import times
from hourhand_admin.web.look.times import instant
from hourhand_admin.web.pages.run import request_id
from hourhand_admin.web.rest.clerk import check_payload
from hourhand_admin.web.scheduling import payload, values
from hourhand_admin.web.scheduling.forecast import coming
from hourhand_admin.web.scheduling.pictures import history
from hourhand_admin.web.scheduling.states import state
from hourhand_admin.web.visit import Visit

router = APIRouter()

_POLICIES = (
    "overlap", "catch_up", "catch_up_window", "start_deadline", "jitter", "dst_gap", "dst_overlap",
    "starts_at", "ends_at", "max_runs", "exclude", "profile", "queue", "priority", "max_attempts", "timeout",
    "rank_intervals",
)  # fmt: skip


@router.get("/schedules/{name:path}")
def schedule(visit: Viewer, name: str, at: str = "") -> Response:
    """`at` asks why it ran then, or did not; local time in the schedule's zone, or with an offset.

    A time of day alone is today's, and may be yesterday's.
    """
    return _page(visit, name, at)


@router.post("/schedule/{schedule_id}/pause")
def pause(visit: Operator, schedule_id: int) -> Response:
    row = visit.call("get_schedule", p_schedule=f"id:{schedule_id}")
    zone, note = row["timezone"] or str(visit.settings.cron_timezone), visit.field("note") or None
    try:
        until = visit.read("until", lambda text: values.read_instant(text, zone))
        visit.act("pause_schedule", p_schedule=f"id:{row['id']}", p_until=until, p_note=note)
    except BadInput as error:
        return _page(visit.refused("pause", error), row["name"])
    return _back(visit, row, f"Schedule {row['name']} is paused.")


@router.post("/schedule/{schedule_id}/resume")
def resume(visit: Operator, schedule_id: int) -> Response:
    row = visit.act("resume_schedule", p_schedule=f"id:{schedule_id}")
    return _back(visit, row, f"Schedule {row['name']} goes on: it fires from now on.")


@router.post("/schedule/{schedule_id}/trigger")
def trigger(visit: Operator, schedule_id: int) -> Response:
    row = visit.call("get_schedule", p_schedule=f"id:{schedule_id}")
    asked_for = request_id(visit.field("request_id"))
    try:
        changed = _payload(visit, row["task"])
        run = visit.act(
            "trigger_schedule", p_schedule=f"id:{schedule_id}", p_payload=changed, p_request_id=asked_for
        )
    except (BadInput, BadPayload) as error:
        return _page(visit.refused("trigger", error), row["name"])
    return _back(visit, row, f"Run {run['id']} of {row['name']} waits for a worker.")


@router.post("/schedule/{schedule_id}/delete")
def delete(visit: Operator, schedule_id: int) -> Response:
    row = visit.act("delete_schedule", p_schedule=f"id:{schedule_id}")
    return visit.back("/schedules", f"Schedule {row['name']} is deleted; its runs stay.")


# --- What was asked ---


def _page(visit: Visit, name: str, at: str = "") -> Response:
    answer = visit.call("browse_schedule", p_schedule=name)
    row = answer["schedule"]
    zone = row["timezone"] or str(visit.settings.cron_timezone)
    explanations, misread = _explained(visit, f"id:{row['id']}", at, zone, answer["now"]) if at else ([], "")
    firings, wrong = _coming(row, zone, answer["now"])
    return visit.page(
        "schedule.html",
        **answer,
        zone=zone,
        state=state(row, answer["now"]),
        policies=_policies(row, zone),
        picture=history(answer["runs"][::-1]),
        coming=firings,
        wrong=wrong,
        at=at,
        explanations=explanations,
        misread=misread,
        request_id=uuid4(),
        section="/schedules",
    )


def _explained(visit: Visit, schedule_id: str, at: str, zone: str, now: str) -> tuple[list[Explanation], str]:
    """What happened at this time, or why the text is no time."""
    try:
        today = datetime.fromisoformat(now).astimezone(times.zone(zone)).date()
        # Two, where the clocks repeat a local time.
        return why(Desk(visit), schedule_id, values.read_local(at.strip(), today)), ""
    except (ValueError, OverflowError, BadSchedule) as error:
        return [], f"{error} (local time in {zone})"


def _coming(row: dict[str, Any], zone: str, now: str) -> tuple[list[Any], str]:
    """The next firings, and why there are none."""
    if row["error"]:
        return [], row["error"]
    if not row["is_active"]:
        return [], "It is paused: resume it, and it fires again."
    if row["rank_intervals"]:
        return [], "It is a fleet: its items are due on their own."
    try:
        moment = instant(now)
        assert moment is not None
        return coming(row, Timetable.of(row, zone), moment), "There is none any more."
    except BadSchedule as error:
        return [], error.message


def _policies(row: dict[str, Any], zone: str) -> list[tuple[str, str]]:
    """Those that are not as usual, as the form names them."""
    shown, usual = values.texts(row, zone), values.blank()
    return [
        (name.replace("_", " "), dict(values.CHOICES.get(name, ())).get(shown[name], shown[name]))
        for name in _POLICIES
        if shown[name] != usual[name]
    ]


def _payload(visit: Visit, task: str) -> Any:
    """None: that of the schedule. Raises BadInput and BadPayload."""
    changed = visit.read("payload", payload.read_whole)
    if changed is not None:
        check_payload(visit, task, changed)
    return changed


def _back(visit: Visit, row: dict[str, Any], told: str) -> Response:
    return visit.back(f"/schedules/{quote(row['name'], safe='')}", told)
