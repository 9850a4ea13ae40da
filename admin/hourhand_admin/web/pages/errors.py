"""What goes wrong of late: failed attempts in groups with one cause each."""

from fastapi import APIRouter, Response

from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.look.navigation import Nav

NAV = Nav("Errors", "/errors", 50)
router = APIRouter()

_A_PAGE = 100


@router.get("/errors")
def errors(visit: Viewer) -> Response:
    search = visit.query("search").get("search", "")
    chosen = {"search": search} if search else {}
    answer = visit.call("list_errors", p_filter=chosen, p_limit=_A_PAGE)
    return visit.page("errors.html", **answer, search=search, most=_A_PAGE)
