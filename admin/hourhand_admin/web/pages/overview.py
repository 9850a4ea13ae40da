"""The first page: is all well, and what has just happened?"""

from collections.abc import Mapping

from fastapi import APIRouter, Response

from hourhand_admin import health
from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.look.navigation import Nav

NAV = Nav("Overview", "/", 10)
router = APIRouter()

PLACES: Mapping[health.FindingId, tuple[str, str]] = {
    "no-scheduler": ("Services", "/workers"),
    "no-worker": ("Services", "/workers"),
    "service-late": ("Services", "/workers"),
    "unknown-task": ("Waiting runs", "/runs?status=pending"),
    "unserved-queue": ("Queues", "/queues"),
    "broken-schedule": ("Broken schedules", "/schedules?state=broken"),
    "late-schedule": ("Schedules", "/schedules"),
    "backlog": ("Waiting runs", "/runs?status=pending"),
    "paused-queue": ("Queues", "/queues"),
}
"""Where a person goes on: the words of the link and the page."""


@router.get("/")
def overview(visit: Viewer) -> Response:
    status = visit.call("get_overview")
    findings = health.judge(status)
    return visit.page(
        "overview.html",
        now=status["now"],
        status=status,
        findings=findings,
        places=PLACES,
        state=health.state(findings),
    )
