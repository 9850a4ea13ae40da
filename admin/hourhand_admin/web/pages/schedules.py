"""The schedules: search, facets, what became of their last runs, and steering all that a filter means."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Response

from hourhand.errors import BadInput
from hourhand_admin.web.access.needs import Operator, Viewer
from hourhand_admin.web.look.navigation import Nav
from hourhand_admin.web.scheduling.states import STATES
from hourhand_admin.web.visit import Visit

NAV = Nav("Schedules", "/schedules", 20)
router = APIRouter()

_A_PAGE = 50
_A_CALL = 500
_FILTERS = ("search", "state", "task", "tag")
_DONE = {"pause": "paused", "resume": "resumed", "trigger": "triggered"}


@router.get("/schedules")
def schedules(visit: Viewer) -> Response:
    query = visit.query(*_FILTERS, "after")
    chosen = _chosen(query)
    answer = visit.call("browse_schedules", p_filter=chosen, p_limit=_A_PAGE, p_after=query.get("after"))
    return visit.page("schedules.html", **answer, chosen=chosen, states=STATES, first="after" not in query)


@router.get("/schedule/bulk")
def propose(visit: Operator) -> Response:
    """How many a filter means, before anything is done."""
    query = visit.query(*_FILTERS, "action")
    return _asked(visit, query.get("action", ""), _chosen(query))


@router.post("/schedule/bulk")
def steer(visit: Operator) -> Response:
    action = visit.field("action")
    chosen = _chosen({name: visit.field(name) for name in _FILTERS if visit.field(name)})
    ids = _meant(visit, action, chosen)["ids"]
    if _mark(ids) != visit.field("which"):
        return _asked(visit, action, chosen, "Meanwhile these are other schedules. Look once more.")
    done = _steered(visit, action, chosen, ids)
    told = f"{done} schedule{'' if done == 1 else 's'} {_DONE[action]}."
    return visit.back("/schedules", told, **chosen)


def _chosen(query: Mapping[str, str]) -> dict[str, Any]:
    return {name: query[name] for name in _FILTERS if name in query}


def _asked(visit: Visit, action: str, chosen: dict[str, Any], trouble: str = "") -> Response:
    answer = _meant(visit, action, chosen)
    return visit.page(
        "schedule_bulk.html",
        409 if trouble else 200,
        **answer,
        action=action,
        word=_DONE[action],
        chosen=chosen,
        trouble=trouble,
        which=_mark(answer["ids"]),
        request_id=uuid4(),
        section="/schedules",
    )


def _mark(ids: list[int]) -> str:
    """Tells these schedules from any others: as many may be others by the time that the form comes."""
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()


def _meant(visit: Visit, action: str, chosen: dict[str, Any]) -> dict[str, Any]:
    if action not in _DONE:
        raise BadInput("choose what to do: pause, resume or trigger")
    answer: dict[str, Any] = visit.call("steer_schedules", p_action=action, p_filter=chosen, p_dry_run=True)
    return answer


def _steered(visit: Visit, action: str, chosen: dict[str, Any], ids: list[int]) -> int:
    """Does it to these, and to none that have come meanwhile, call by call; how many there were."""
    done = 0
    for begin in range(0, len(ids), _A_CALL):
        answer = visit.act(
            "steer_schedules",
            p_action=action,
            p_filter={**chosen, "ids": ids[begin : begin + _A_CALL]},
            p_note=visit.field("note") or None,
            p_request_id=visit.field("request_id") or None,
            p_limit=_A_CALL,
        )
        done += answer["done"]
    return done
