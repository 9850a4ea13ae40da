"""The schedules: search, facets, and what became of their last runs."""

from fastapi import APIRouter, Response

from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.look.navigation import Nav
from hourhand_admin.web.visit import query_of

NAV = Nav("Schedules", "/schedules", 20)
router = APIRouter()

_A_PAGE = 50
_FILTERS = ("search", "state", "task", "tag")
STATES = ("active", "paused", "broken")


@router.get("/schedules")
def schedules(visit: Viewer) -> Response:
    query = query_of(visit.request)
    chosen = {name: query[name] for name in _FILTERS if name in query}
    answer = visit.call("browse_schedules", p_filter=chosen, p_limit=_A_PAGE, p_after=query.get("after"))
    return visit.page("schedules.html", **answer, chosen=chosen, states=STATES, first="after" not in query)
