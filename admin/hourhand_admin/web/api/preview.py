"""What a timing means, before anything is saved."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Response

from hourhand.schedules import ScheduleFields, columns
from hourhand.timetable import Timetable
from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.desk import Desk
from hourhand_admin.web.rest import answers
from hourhand_admin.web.rest.answers import told
from hourhand_admin.web.rest.bodies import api
from hourhand_admin.web.rest.requests import Timing
from hourhand_admin.web.scheduling.forecast import coming, forecast
from hourhand_admin.web.visit import Visit

router = api("/api/v1/schedules", "schedules")


@router.post("/preview", response_model=answers.Preview)
def preview(visit: Viewer, timing: Timing) -> Response:
    """Its next firings, in English, and what clock changes do to it. 422 says what is wrong with it."""
    return told(_previewed(visit, timing))


@router.get("/preview", response_model=answers.Preview)
def preview_by_query(
    visit: Viewer,
    cron: Annotated[str | None, Query(max_length=256)] = None,
    every: Annotated[str | None, Query(max_length=64)] = None,
    run_at: Annotated[str | None, Query(max_length=40)] = None,
    timezone: Annotated[str | None, Query(max_length=100)] = None,
    count: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Response:
    """The same of what fits into an address."""
    return told(
        _previewed(visit, Timing(cron=cron, every=every, run_at=run_at, timezone=timezone, count=count))
    )


def _previewed(visit: Visit, timing: Timing) -> dict[str, Any]:
    now, zone = Desk(visit).now(), str(visit.settings.cron_timezone)
    fields: ScheduleFields = timing.model_dump(exclude_none=True, exclude={"name", "count"})  # type: ignore[assignment]
    row = {**columns(fields), "name": timing.name, "created_at": now.isoformat()}
    seen = forecast(row, zone, now)
    return {
        "description": seen.words,
        "timezone": seen.zone,
        "firings": list(map(datetime.isoformat, coming(row, Timetable.of(row, zone), now, timing.count))),
        "notes": seen.notes,
        "warnings": seen.warnings,
    }
