"""The first page: is all well, and what has just happened?"""

from fastapi import APIRouter, Response

from hourhand_admin import health
from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.look.navigation import Nav

NAV = Nav("Overview", "/", 10)
router = APIRouter()


@router.get("/")
def overview(visit: Viewer) -> Response:
    status = visit.call("get_overview")
    findings = health.judge(status)
    return visit.page(
        "overview.html", now=status["now"], status=status, findings=findings, state=health.state(findings)
    )
