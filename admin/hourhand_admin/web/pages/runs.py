"""The runs: a list with filters, and one page for each."""

from fastapi import APIRouter, Response

from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.look.navigation import Nav
from hourhand_admin.web.look.words import RUN_STATUSES
from hourhand_admin.web.visit import query_of

NAV = Nav("Runs", "/runs", 30)
router = APIRouter()

_A_PAGE = 50
_FILTERS = ("status", "task", "schedule", "queue", "since", "until", "error")


@router.get("/runs")
def runs(visit: Viewer, before: int | None = None) -> Response:
    query = query_of(visit.request)
    chosen = {name: query[name] for name in _FILTERS if name in query}
    answer = visit.call("list_runs", p_filter=chosen, p_limit=_A_PAGE, p_before=before)
    return visit.page(
        "runs.html",
        **answer,
        chosen=chosen,
        statuses=[(status, status) for status in RUN_STATUSES],
        first=before is None,
    )
