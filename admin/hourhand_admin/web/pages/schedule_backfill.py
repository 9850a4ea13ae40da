"""Run firings that have passed and did not run: first what would run, then running it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from hourhand import backfill
from hourhand.backfill import MOST, Plan
from hourhand.errors import BadInput, BadSchedule
from hourhand_admin.web.access.needs import Operator
from hourhand_admin.web.desk import Desk
from hourhand_admin.web.scheduling import values
from hourhand_admin.web.visit import Visit

router = APIRouter()


@router.get("/schedule/{schedule_id}/backfill")
def propose(visit: Operator, schedule_id: int) -> Response:
    row, asked = (
        visit.call("get_schedule", p_schedule=f"id:{schedule_id}"),
        visit.query("from", "to", "limit"),
    )
    zone = row["timezone"] or str(visit.settings.cron_timezone)
    plan, refused = None, ""
    if "from" in asked:
        try:
            plan = _plan(visit, row, zone, asked.get("from", ""), asked.get("to", ""), asked.get("limit", ""))
        except (ValueError, OverflowError, BadSchedule) as error:
            refused = str(error)
    return visit.page(
        "schedule_backfill.html", now=row["now"], row=row, zone=zone, asked=asked, plan=plan, refused=refused,
        most=MOST, section="/schedules",
    )  # fmt: skip


@router.post("/schedule/{schedule_id}/backfill")
def run(visit: Operator, schedule_id: int) -> Response:
    row = visit.call("get_schedule", p_schedule=f"id:{schedule_id}")
    zone = row["timezone"] or str(visit.settings.cron_timezone)
    try:
        plan = _plan(visit, row, zone, visit.field("from"), visit.field("to"), visit.field("limit"))
    except (ValueError, OverflowError) as error:
        raise BadInput(str(error)) from None
    runs = backfill.run(Desk(visit), plan)
    told = f"{len(runs)} run{'' if len(runs) == 1 else 's'} of {row['name']} enqueued."
    return visit.back(f"/schedules/{quote(row['name'], safe='')}", told)


def _plan(visit: Visit, row: dict[str, Any], zone: str, start: str, end: str, limit: str) -> Plan:
    """Raises ValueError and BadSchedule."""
    begin = datetime.fromisoformat(values.read_instant(start, zone))
    until = datetime.fromisoformat(values.read_instant(end, zone) if end else row["now"])
    most = values.read_number(limit, 1, MOST) if limit else None
    return backfill.plan(Desk(visit), f"id:{row['id']}", begin, until, most)
