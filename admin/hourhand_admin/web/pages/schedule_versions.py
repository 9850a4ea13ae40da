"""What a schedule was, and going back to it."""

from fastapi import APIRouter, Response

from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.scheduling import versions

router = APIRouter()

_A_PAGE = 30


@router.get("/schedule/{schedule_id}/versions")
def schedule_versions(visit: Viewer, schedule_id: int, before: int | None = None) -> Response:
    answer = visit.call("list_versions", p_schedule=f"id:{schedule_id}", p_limit=_A_PAGE, p_before=before)
    for each in answer["versions"]:
        each["changes"] = list(versions.changes(each["before"], each["after"]))
        each["is_steering"] = versions.is_steering(each["before"], each["after"])
    return visit.page("schedule_versions.html", **answer, first=before is None, section="/schedules")
