"""Fleets: schedules of many items, each due by its rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from hourhand.errors import BadInput
from hourhand_admin.web.access.needs import Operator, Viewer
from hourhand_admin.web.look.navigation import Nav
from hourhand_admin.web.look.times import duration
from hourhand_admin.web.scheduling import payload, values
from hourhand_admin.web.visit import Visit

NAV = Nav("Fleets", "/fleets", 70)
router = APIRouter()

_A_PAGE = 200
_FILTERS = ("search", "owner")


@router.get("/fleets")
def fleets(visit: Viewer) -> Response:
    answer = visit.call("list_fleets")
    return visit.page("fleets.html", **answer, bands=bands)


@router.get("/fleets/{name:path}")
def fleet(visit: Viewer, name: str) -> Response:
    query = visit.query(*_FILTERS)
    chosen = {key: query[key] for key in _FILTERS if key in query}
    return _page(visit, visit.call("get_schedule", p_schedule=name), chosen)


@router.post("/fleet/{schedule_id}/set")
def set_item(visit: Operator, schedule_id: int) -> Response:
    row = visit.call("get_schedule", p_schedule=f"id:{schedule_id}")
    try:
        item = _item(visit, row["timezone"] or str(visit.settings.cron_timezone), row["now"])
        counts = visit.act("set_items", p_schedule=f"id:{schedule_id}", p_items=[item])
    except BadInput as error:
        return _page(visit.refused("set", error), row, _kept(visit))
    told = next((word for word in ("created", "changed") if counts[word]), "as it was")
    return _back(visit, row, f"Item {item['item']} is {told}.")


@router.post("/fleet/{schedule_id}/remove")
def remove_item(visit: Operator, schedule_id: int) -> Response:
    row = visit.call("get_schedule", p_schedule=f"id:{schedule_id}")
    item, owner = visit.field("item"), visit.field("owner") or None
    if not item:
        raise BadInput("item: which one is to be removed?")
    done = visit.act("remove_item", p_schedule=f"id:{schedule_id}", p_item=item, p_owner=owner)
    told = "removed" if done["outcome"] == "removed" else "ranked by its other owners now"
    return _back(visit, row, f"Item {item} is {told}.")


def bands(intervals: dict[str, Any]) -> str:
    """Ranks and their intervals, the highest first: "rank 81–100: 1d, rank 1–80: 5d, at most 50 a firing"."""
    ranks = sorted((int(key) for key in intervals if key.isdecimal()), reverse=True)
    tops = [100, *(rank - 1 for rank in ranks)]
    told = [
        f"rank {rank if rank == top else f'{rank}–{top}'}: {duration(intervals[str(rank)])}"
        for rank, top in zip(ranks, tops, strict=False)
    ]
    return ", ".join([*told, *([f"at most {intervals['limit']} a firing"] if "limit" in intervals else [])])


def _page(visit: Visit, row: dict[str, Any], chosen: dict[str, str]) -> Response:
    answer = visit.call("list_items", p_schedule=f"id:{row['id']}", p_filter=chosen, p_limit=_A_PAGE)
    return visit.page(
        "fleet.html", **answer, row=row, chosen=chosen, most=_A_PAGE, bands=bands, section="/fleets"
    )


def _item(visit: Visit, zone: str, now: str) -> dict[str, Any]:
    """What was filled in: what is left out stays as it is. Raises BadInput."""
    readers: dict[str, tuple[str, Callable[[str], Any]]] = {
        "item": ("item", str),
        "rank": ("rank", lambda text: values.read_number(text, 1, 100)),
        "owner": ("owner", str),
        "payload": ("payload", payload.read_whole),
        "due": ("due_at", lambda text: now if text == "now" else values.read_instant(text, zone)),
    }
    if not visit.field("item"):
        raise BadInput("item: it needs a name")
    return {key: visit.read(name, read) for name, (key, read) in readers.items() if visit.field(name)}


def _back(visit: Visit, row: dict[str, Any], told: str) -> Response:
    """To the same items as before."""
    return visit.back(f"/fleets/{quote(row['name'], safe='')}", told, **_kept(visit))


def _kept(visit: Visit) -> dict[str, Any]:
    """The filter of the page from which the form came."""
    return {name: text for name in _FILTERS if (text := visit.field(f"chosen_{name}"))}
