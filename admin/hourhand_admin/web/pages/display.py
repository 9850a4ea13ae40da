"""How this browser wants to see things: light or dark, and times in which zone."""

from fastapi import APIRouter, Response

from hourhand_admin.web.access.identity import set_cookie
from hourhand_admin.web.access.needs import Anyone
from hourhand_admin.web.look.times import SCHEDULE, zone
from hourhand_admin.web.pages.login import local
from hourhand_admin.web.visit import THEME_COOKIE, ZONE_COOKIE

router = APIRouter()

_YEAR = 365 * 86_400  # seconds


@router.post("/display")
def display(visit: Anyone) -> Response:
    response = visit.back(local(visit.field("next")))
    if (theme := visit.field("theme")) in ("auto", "light", "dark"):
        set_cookie(response, visit.request, THEME_COOKIE, theme, _YEAR)
    choice = visit.field("zone")
    if choice == "mine":
        choice = visit.field("mine")  # which zone that is, only the browser knows
    if choice == SCHEDULE or (choice and zone(choice) is not None):
        set_cookie(response, visit.request, ZONE_COOKIE, choice, _YEAR)
    return response
