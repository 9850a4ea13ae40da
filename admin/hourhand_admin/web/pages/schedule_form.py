"""Create and edit a schedule, with a forecast while typing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from hourhand.errors import BadInput, BadSchedule, Conflict
from hourhand_admin.web.access.needs import Operator
from hourhand_admin.web.look.times import instant, zone
from hourhand_admin.web.scheduling import payload, values, versions
from hourhand_admin.web.scheduling.draft import Draft
from hourhand_admin.web.scheduling.forecast import Forecast, forecast
from hourhand_admin.web.visit import Visit

router = APIRouter()

_LONGEST = 300_000  # characters of one field: more than any payload may have
_ELSEWHERE = (
    "Somebody else has changed this schedule meanwhile. Your values are kept: "
    "the list of changes compares them with how it is now."
)


@router.get("/schedule/new")
def new(visit: Operator, like: str = "", task: str = "") -> Response:
    """`like` is a schedule to start from."""
    draft, shown = _draft(visit, values.blank() | {"task": task}, None), {}
    if like:
        found = visit.call("get_schedule", p_schedule=like)
        draft.texts |= {**values.texts(found, found["timezone"] or draft.default_zone), "name": ""}
        shown = found["payload"]
    usual = _know(visit, draft)
    draft.show_payload(shown)
    return _page(visit, draft, usual)


@router.get("/schedule/{schedule_id}/edit")
def edit(visit: Operator, schedule_id: int, version: int | None = None) -> Response:
    """With `version`, a number of the audit log, the form proposes what the schedule was then."""
    row = visit.call("get_schedule", p_schedule=f"id:{schedule_id}")
    wanted = row if version is None else versions.find(visit, schedule_id, version)
    draft = _draft(visit, values.texts(wanted, wanted["timezone"] or str(visit.settings.cron_timezone)), row)
    usual = _know(visit, draft)
    draft.show_payload(wanted["payload"])
    return _page(visit, draft, usual)


@router.post("/schedule/preview")
def preview(visit: Operator) -> Response:
    """The part of the form that says what it means, for those who type with JavaScript."""
    schedule_id = visit.field("id")
    row = visit.call("get_schedule", p_schedule=f"id:{schedule_id}") if schedule_id.isdecimal() else None
    draft, usual = _sent(visit, row)
    return visit.page("schedule_preview.html", **_context(visit, draft, usual))


@router.post("/schedule/new")
def create(visit: Operator) -> Response:
    return _step(visit, None)


@router.post("/schedule/{schedule_id}/edit")
def change(visit: Operator, schedule_id: int) -> Response:
    return _step(visit, visit.call("get_schedule", p_schedule=f"id:{schedule_id}"))


# --- What was sent ---


def _step(visit: Visit, row: dict[str, Any] | None) -> Response:
    draft, usual = _sent(visit, row)
    step = visit.field("step")
    if step in ("fields", "json", "task") and draft.payload_is_readable:
        _write_payload_as(draft, step)
    if step != "save":
        return _page(visit, draft, usual)
    if row is not None and visit.field("updated_at") != row["updated_at"]:
        return _page(visit, draft, usual, 409, _ELSEWHERE)
    return _save(visit, draft, usual)


def _sent(visit: Visit, row: dict[str, Any] | None) -> tuple[Draft, float | None]:
    texts = values.blank() | {
        name: visit.field(name).replace("\r\n", "\n")
        for name in visit.form
        if name in values.FIELDS or _is_payload(name)
    }
    texts["kind"] = visit.field("kind", "cron")
    if long := [name for name, text in texts.items() if len(text) > _LONGEST]:
        raise BadInput(f"{long[0]} is longer than {_LONGEST} characters")
    draft = _draft(visit, texts, row)
    usual = _know(visit, draft)
    draft.payload_as = "json" if visit.field("payload_as") == "json" else "fields"
    if draft.payload_as == "fields" and not draft.fields:  # another task, without fields
        draft.show_payload(_loose(texts) or (row or {}).get("payload", {}))
    return draft, usual


def _is_payload(name: str) -> bool:
    return name == payload.WHOLE or name.startswith(payload.PREFIX)


def _loose(texts: dict[str, str]) -> dict[str, str]:
    """What was filled in for the task chosen before."""
    return {
        name.removeprefix(payload.PREFIX): text
        for name, text in texts.items()
        if name.startswith(payload.PREFIX) and text
    }


def _write_payload_as(draft: Draft, way: str) -> None:
    value = draft.payload
    draft.show_payload(value)
    if way == "json":
        draft.payload_as = "json"
        draft.texts[payload.WHOLE] = payload.pretty(value)


def _draft(visit: Visit, texts: dict[str, str], row: dict[str, Any] | None) -> Draft:
    now = row["now"] if row else datetime.now(UTC).isoformat()
    return Draft(texts, str(visit.settings.cron_timezone), now, row)


def _know(visit: Visit, draft: Draft) -> float | None:
    """Tells the draft what is known of its task; how long the task's runs usually take, in seconds."""
    schedule_id = draft.original["id"] if draft.original else None
    answer = visit.call("browse_task", p_task=draft.texts.get("task", "")[:200], p_schedule_id=schedule_id)
    draft.task, draft.now = answer["task"], answer["now"]
    usual: float | None = answer["usual"]
    return usual


# --- Answers ---


def _save(visit: Visit, draft: Draft, usual: float | None) -> Response:
    row = draft.row()
    if draft.errors:
        return _page(visit, draft, usual, 422)
    try:
        saved = visit.act(
            "put_schedule", p_schedule=_put(draft, row), p_mode="update" if draft.original else "create"
        )
    except (BadInput, Conflict) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _page(visit, draft, usual, status, " ".join(filter(None, (error.message, error.hint))))
    told = {"created": "created", "updated": "changed", "unchanged": "as it was"}[saved["outcome"]]
    return visit.back(
        f"/schedules/{_segment(saved['schedule']['name'])}", f"Schedule {draft.texts['name']} is {told}."
    )


def _put(draft: Draft, row: dict[str, Any]) -> dict[str, Any]:
    if draft.original is None:
        return row
    renamed = {"new_name": row.pop("name")} if "name" in row else {}
    return {**row, **renamed, "name": draft.original["name"], "updated_at": draft.original["updated_at"]}


def _segment(text: str) -> str:
    return quote(text, safe="")


def _page(visit: Visit, draft: Draft, usual: float | None, status: int = 200, trouble: str = "") -> Response:
    context = _context(visit, draft, usual)
    if visit.field("step") not in ("preview", "save"):  # nothing was claimed to be complete
        draft.errors = {}
    tasks = visit.call("list_tasks")["tasks"]
    return visit.page(
        "schedule_form.html", status, **context, trouble=trouble, choices=values.CHOICES,
        tasks=[task["name"] for task in tasks][:500], shown=_shown(draft), section="/schedules",
    )  # fmt: skip


def _shown(draft: Draft) -> set[str]:
    """The fields that may not stay folded: what was set, and what is wrong."""
    defaults = values.blank()
    return {name for name, text in draft.texts.items() if text != defaults.get(name, "")} | set(draft.errors)


def _context(visit: Visit, draft: Draft, usual: float | None) -> dict[str, Any]:
    found, refused = _forecast(draft, usual)
    mine = _mine(visit)
    other = next((zone for zone in (mine, "UTC") if zone != found.zone), "")
    return {
        "now": draft.now, "draft": draft, "forecast": found, "refused": refused, "mine": mine, "other": other,
        "rows": found.rows(other, instant(draft.now) or datetime.now(UTC)), "changes": draft.changes(),
    }  # fmt: skip


def _forecast(draft: Draft, usual: float | None) -> tuple[Forecast, str]:
    """The forecast, and why there is none."""
    row = {**draft.whole_row(), "name": draft.texts["name"] or "new"}
    nothing = Forecast(zone=draft.zone)
    if draft.refused or not draft.texts.get(draft.kind):
        return nothing, draft.refused if draft.texts.get(draft.kind) else ""
    try:
        return forecast(row, draft.default_zone, instant(draft.now) or datetime.now(UTC), usual), ""
    except BadSchedule as error:
        return nothing, error.message


def _mine(visit: Visit) -> str:
    """The zone of whoever types: as their browser says, or as they have chosen it."""
    given = visit.field("mine")
    choice = visit.clock(None).choice
    return given if given and zone(given) else choice if zone(choice) else "UTC"
