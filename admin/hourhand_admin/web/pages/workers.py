"""The services: who is alive, what they hold, and the tasks that none of them knows."""

from fastapi import APIRouter, Response

from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.look.navigation import Nav

NAV = Nav("Workers", "/workers", 60)
router = APIRouter()


@router.get("/workers")
def workers(visit: Viewer) -> Response:
    return visit.page("workers.html", **visit.call("list_workers"))
