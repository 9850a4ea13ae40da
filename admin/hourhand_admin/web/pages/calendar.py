"""Past and planned firings by month, week and day."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.look.navigation import Nav
from hourhand_admin.web.look.times import zone
from hourhand_admin.web.scheduling.calendar import GROUPS, VIEWS, calendar, fill, planned

NAV = Nav("Calendar", "/calendar", 40)
router = APIRouter()

_FILTERS = ("search", "task", "tag")
_SCHEDULES = 200
"""Planned firings are worked out for so many schedules, those that fire next."""
_DETAILS = 200


@router.get("/calendar")
def show(visit: Viewer) -> Response:
    query = visit.query(*_FILTERS, "view", "day")
    chosen = {name: query[name] for name in _FILTERS if name in query}
    default_zone = str(visit.settings.cron_timezone)
    choice = visit.clock(None).choice
    shown = calendar(
        query.get("view", ""),
        query.get("day", ""),
        choice if zone(choice) else default_zone,
        datetime.now(UTC),
    )
    is_day = shown.view == "day"
    answer = visit.call(
        "list_calendar",
        p_from=shown.begin,
        p_until=shown.end,
        p_unit="hour" if is_day else "day",
        p_zone=shown.zone,
        p_filter=chosen,
        p_details=_DETAILS if is_day else 0,
        p_limit=_SCHEDULES,
    )
    now, schedules = datetime.fromisoformat(answer["now"]), answer["schedules"]
    fill(shown, answer["firings"], schedules, default_zone, now)
    return visit.page(
        "calendar.html",
        now=answer["now"],
        calendar=shown,
        today=now.astimezone(shown.begin.tzinfo).date(),
        details=answer["details"],
        planned=planned(shown, schedules, default_zone, now, _DETAILS) if is_day else [],
        left_out=answer["planned"] - len(schedules),
        groups=GROUPS,
        views=VIEWS,
        chosen=chosen,
    )
