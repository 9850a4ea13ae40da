"""The runs: a list with filters, also for a spreadsheet, and what can be done with those a filter means."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from hourhand.errors import BadInput, NotFound
from hourhand_admin.web.access.needs import Operator, Viewer
from hourhand_admin.web.look.navigation import Nav
from hourhand_admin.web.look.words import RUN_STATUSES
from hourhand_admin.web.pages.run import request_id
from hourhand_admin.web.rest.requests import LARGEST
from hourhand_admin.web.scheduling import values
from hourhand_admin.web.visit import Visit

NAV = Nav("Runs", "/runs", 30)
router = APIRouter()

_A_PAGE = 50
_A_CALL = 1000
_AT_ONCE = 1000
_IN_A_FILE = 100_000
_CALLS_FOR_A_FILE = 400
_CUT = "There may be more, but this file ends here. Choose fewer runs, such as those until the last of these."
_MOST_CALLS = 20
_LONGEST = 500
_TRIGGERS = ("schedule", "catch_up", "backfill", "manual", "api", "task", "retry")
_FILTERS = (
    "error", "task", "schedule", "queue", "status", "trigger", "ids", "since", "until", "fingerprint",
)  # fmt: skip
_COLUMNS = (
    "id", "status", "task", "schedule", "queue", "trigger", "scheduled_for", "created_at", "claimed_at",
    "started_at", "finished_at", "attempt", "max_attempts", "retry_of", "parent_id", "error",
)  # fmt: skip
_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # the last four: full width
_MEANS = {"retry": ("completed", "failed", "cancelled"), "cancel": ("pending", "processing")}
"""The runs that an action is possible for."""
_USUALLY = {**_MEANS, "retry": ("failed",)}
"""Those it is meant for where no status is chosen."""
_ONCE = UUID("7f0c1d52-3f6e-4c43-9c55-1a0d6c0d6a0e")
"""The request of all who retry what was not retried before: two at the same time make the new runs once."""

Page = tuple[Sequence[Mapping[str, Any]], bool]
"""Some runs, and whether there may be more."""
Before = Annotated[int | None, Query(ge=1, le=LARGEST)]


@router.get("/runs")
def runs(visit: Viewer, before: Before = None) -> Response:
    chosen = _chosen(visit.query(*_FILTERS, "before"))
    try:
        answer = visit.call("browse_runs", p_filter=_filter(visit, chosen), p_limit=_A_PAGE, p_before=before)
    except (BadInput, NotFound) as error:
        visit.refused("filter", error)
        answer = {"now": None, "runs": [], "next": None, "searched": None}
    return visit.page(
        "runs.html",
        **answer,
        chosen=chosen,
        statuses=[(status, status) for status in RUN_STATUSES],
        triggers=[(trigger, trigger.replace("_", " ")) for trigger in _TRIGGERS],
        zone=str(visit.settings.cron_timezone),
        in_a_file=_IN_A_FILE,
        first=before is None,
    )


@router.get("/runs.csv")
def export(visit: Viewer) -> Response:
    """Sent as it is read, and never held as a whole. When the database fails midway, so does the download."""
    pages = _pages(visit, _filter(visit, _chosen(visit.query(*_FILTERS))), _IN_A_FILE, _CALLS_FOR_A_FILE)
    first = next(pages)  # what is wrong with the question is told by an answer of its own
    headers = {"content-disposition": 'attachment; filename="runs.csv"'}
    return StreamingResponse(as_csv(chain([first], pages)), media_type="text/csv", headers=headers)


@router.get("/run/bulk")
def propose(visit: Operator, action: str = "") -> Response:
    """Which runs a filter means, before anything is done."""
    if action not in _MEANS:
        raise BadInput("choose what to do: retry or cancel")
    query = visit.query(*_FILTERS, "action", "again")
    chosen = _chosen(query)
    meant = [s for s in _MEANS[action] if s == chosen["status"]] if "status" in chosen else _USUALLY[action]
    wanted = {**_filter(visit, chosen), "status": meant}
    once = action == "retry" and "again" not in query
    found, more = _found(visit, {**wanted, "retried": False} if once else wanted, _AT_ONCE)
    return visit.page(
        "runs_bulk.html",
        action=action,
        meant=meant,
        found=found,
        more=more,
        left_out=_left_out(visit, wanted) if once else 0,
        chosen=chosen,
        request_id=_ONCE if once else uuid4(),
        section="/runs",
    )


@router.post("/run/bulk")
def act(visit: Operator) -> Response:
    """Does it to those runs that were shown, not to others that have come meanwhile."""
    action = visit.field("action")
    chosen = _chosen(
        {name: visit.field(f"chosen.{name}") for name in _FILTERS if visit.field(f"chosen.{name}")}
    )
    ids = _ids(visit.field("ids"))
    if action == "retry":
        answer = visit.act("retry_runs", p_ids=ids, p_request_id=request_id(visit.field("request_id")))
    elif action == "cancel":
        answer = visit.act("cancel_runs", p_ids=ids, p_reason=visit.field("reason") or None)
    else:
        raise BadInput("choose what to do: retry or cancel")
    told, all_done = _told(action, answer["results"])
    return visit.back("/runs", told, "good" if all_done else "note", **chosen)


def as_csv(pages: Iterable[Page]) -> Iterator[str]:
    """Part by part. Where more were found than a file takes, its last line says so."""
    yield _lines([_COLUMNS])
    for found, more in pages:
        yield _lines([_cell(each[name]) for name in _COLUMNS] for each in found)
        if not more:
            return
    yield _lines([[_CUT]])


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


# --- What was asked ---


def _chosen(query: Mapping[str, str]) -> dict[str, str]:
    for name in _FILTERS:
        if len(query.get(name, "")) > (_LONGEST if name != "ids" else 20 * _AT_ONCE):
            raise BadInput(f"{name}: this is too long")
    return {name: query[name] for name in _FILTERS if name in query}


def _filter(visit: Visit, chosen: Mapping[str, str]) -> dict[str, Any]:
    """As browse_runs() takes it. Raises BadInput."""
    wanted: dict[str, Any] = {**chosen}
    for name, known in (("status", RUN_STATUSES), ("trigger", _TRIGGERS)):
        if name in wanted and wanted[name] not in known:
            raise BadInput(f"{name}: one of {', '.join(known)} is wanted")
    if "ids" in wanted:
        wanted["ids"] = _ids(wanted["ids"])
    for name in ("since", "until"):
        if name in wanted:
            wanted[name] = _instant(visit, name, wanted[name])
    return wanted


def _found(visit: Visit, wanted: Mapping[str, Any], most: int) -> tuple[list[Mapping[str, Any]], bool]:
    """The newest of them, and whether there may be more."""
    found: list[Mapping[str, Any]] = []
    for page, more in _pages(visit, wanted, most, _MOST_CALLS):
        found += page
        if not more:
            return found, False
    return found, True


def _left_out(visit: Visit, wanted: Mapping[str, Any]) -> int:
    """How many of them were retried before, as far as one look goes."""
    found, _ = next(_pages(visit, {**wanted, "retried": True}, _AT_ONCE, 1))
    return len(found)


def _pages(visit: Visit, wanted: Mapping[str, Any], most: int, calls: int) -> Iterator[Page]:
    """The newest of them, in so many calls at most; at least one page, which may be empty."""
    before: int | None = None
    for _ in range(calls):
        answer = visit.call("browse_runs", p_filter=wanted, p_limit=min(_A_CALL, most), p_before=before)
        most -= len(answer["runs"])
        before = answer["next"]
        yield answer["runs"], before is not None
        if before is None or not most:
            return


def _ids(text: str) -> list[int]:
    parts = text.replace(",", " ").split()
    if not parts or len(parts) > _AT_ONCE or not all(_is_id(part) for part in parts):
        raise BadInput(f"ids: 1 to {_AT_ONCE} numbers of runs are wanted, such as 12, 15")
    return [int(part) for part in parts]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST


def _instant(visit: Visit, name: str, text: str) -> str:
    try:
        return values.read_instant(text, str(visit.settings.cron_timezone))
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{name}: {error}") from None


def _told(action: str, results: list[dict[str, Any]]) -> tuple[str, bool]:
    refused = [each for each in results if "error" in each]
    ended = [each for each in results if each.get("outcome") == "finished"]
    done = len(results) - len(refused) - len(ended)
    word = "retried" if action == "retry" else "cancelled, or told to stop"
    told = f"{done} run{'' if done == 1 else 's'} {word}."
    told += f" {len(ended)} had ended before." if ended else ""
    told += f" {len(refused)} not: {refused[0]['error']}." if refused else ""
    return told, not refused


def _cell(value: Any) -> str:
    """A text that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
