"""The queues: how full they are, whether they are open, and what bounds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

from hourhand.errors import BadInput
from hourhand_admin.web.access.needs import Operator, Viewer
from hourhand_admin.web.look.navigation import Nav
from hourhand_admin.web.scheduling.values import read_number
from hourhand_admin.web.visit import Visit

NAV = Nav("Queues", "/queues", 65)
router = APIRouter()

_MOST_AT_ONCE = 2**31 - 1
_RATES = (0.000001, 1_000_000.0)


@router.get("/queues")
def queues(visit: Viewer) -> Response:
    return _page(visit)


@router.post("/queues/{name:path}/pause")
def pause(visit: Operator, name: str) -> Response:
    try:
        visit.act("pause_queue", p_queue=name, p_note=visit.field("note") or None)
    except BadInput as error:
        return _page(visit.refused(f"pause {name}", error))
    return visit.back("/queues", f"Queue {name} is paused: what runs goes on, nothing more is started.")


@router.post("/queues/{name:path}/resume")
def resume(visit: Operator, name: str) -> Response:
    visit.act("resume_queue", p_queue=name)
    return visit.back("/queues", f"Queue {name} is open.")


@router.post("/queues/{name:path}/limit")
def limit(visit: Operator, name: str) -> Response:
    """The limits as the form has them: an empty field is none."""
    try:
        limits = _limits(visit)
        visit.act("limit_queue", p_queue=name, p_clear=True, **limits)
    except BadInput as error:
        return _page(visit.refused(f"limit {name}", error))
    return visit.back("/queues", f"Queue {name} {'has its limits' if limits else 'has no limits'}.")


def _page(visit: Visit) -> Response:
    answer = visit.call("list_queues")
    unknown = visit.call("list_workers")["unknown_tasks"]
    return visit.page("queues.html", **answer, unknown_tasks=unknown, section="/queues")


def _limits(visit: Visit) -> dict[str, Any]:
    """Those that are filled in, as parameters. Raises BadInput."""
    readers: dict[str, Callable[[str], Any]] = {"concurrency": _count, "burst": _count, "rate": _rate}
    limits = {f"p_{name}": visit.read(name, read) for name, read in readers.items() if visit.field(name)}
    if "p_burst" in limits and "p_rate" not in limits:
        raise BadInput("burst: it goes with a rate")
    return limits


def _count(text: str) -> int:
    return read_number(text, 1, _MOST_AT_ONCE)


def _rate(text: str) -> float:
    least, most = _RATES
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not least <= rate <= most:
        raise ValueError("runs per second are wanted, from 0.000001 to 1000000")
    return rate
