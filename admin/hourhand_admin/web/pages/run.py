"""The page of one run: how it went and how long each step took, its log, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from hourhand.errors import BadInput, BadPayload, Conflict
from hourhand.log.lines import printable
from hourhand_admin.web.access.needs import Operator, Viewer
from hourhand_admin.web.look.times import between, instant
from hourhand_admin.web.rest.clerk import check_payload
from hourhand_admin.web.rest.requests import LARGEST, RunId
from hourhand_admin.web.scheduling import payload
from hourhand_admin.web.visit import Visit

router = APIRouter()

_LINES = 300
_A_CALL = 1000
_MOST_LINES = 200_000
_ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Step:
    """`seconds` since the step before, and what they were spent on."""

    name: str
    at: str | None
    seconds: float | None = None
    spent: str = ""


@router.get("/runs/{run_id}")
def run(visit: Viewer, run_id: RunId) -> Response:
    return _page(visit, run_id)


@router.get("/runs/{run_id}/lines")
def lines(visit: Viewer, run_id: RunId, after: Annotated[int, Query(ge=0, le=LARGEST)] = 0) -> Response:
    """Of its log after a line, as the page shows them."""
    answer = visit.call("get_logs", p_run_id=run_id, p_after=after, p_limit=_A_CALL)
    return visit.page("run_lines.html", logs=answer["logs"])


@router.get("/runs/{run_id}/log.txt")
def log(visit: Viewer, run_id: RunId) -> Response:
    """All of it, in pieces: it need not fit into memory."""
    first = visit.call("get_logs", p_run_id=run_id, p_limit=_A_CALL)["logs"]
    headers = {"content-disposition": f'attachment; filename="run-{run_id}.txt"'}
    return StreamingResponse(_log(visit, run_id, first), media_type="text/plain", headers=headers)


@router.post("/runs/{run_id}/retry")
def retry(visit: Operator, run_id: RunId) -> Response:
    written = visit.field("payload")
    try:
        changed = _payload(visit, run_id, written)
        answer = visit.act(
            "retry_run",
            p_run_id=run_id,
            p_payload=changed,
            p_request_id=request_id(visit.field("request_id")),
        )
    except Conflict as error:
        return _page(visit, run_id, 409, trouble=f"{error.message}. {error.hint or ''}")
    except (ValueError, BadInput, BadPayload) as error:
        return _page(visit, run_id, 422, written=written, wrong=str(error))
    return visit.back(f"/runs/{answer['id']}", f"Run {answer['id']} retries run {run_id}.")


@router.post("/runs/{run_id}/cancel")
def cancel(visit: Operator, run_id: RunId) -> Response:
    answer = visit.act("cancel_run", p_run_id=run_id, p_reason=visit.field("reason") or None)
    if answer["outcome"] == "finished":
        return visit.back(
            f"/runs/{run_id}", f"Run {run_id} had ended before: it is {answer['status']}.", "note"
        )
    told = "is cancelled" if answer["outcome"] == "cancelled" else "is told to stop by its worker"
    return visit.back(f"/runs/{run_id}", f"Run {run_id} {told}.")


def request_id(text: str) -> str:
    """That of the form, so that a form sent twice acts once."""
    try:
        return str(UUID(text))
    except ValueError:
        return str(uuid4())


def timeline(run: dict[str, Any]) -> list[Step]:
    """When it was planned, inserted, claimed, started and finished, as far as it has come."""
    planned = Step("Planned", run["scheduled_for"] or run["run_at"])
    begun, due = instant(run["created_at"]), instant(planned.at)
    late = between(planned.at, run["created_at"])
    if begun and due and due > begun:  # it waits for its time
        steps = [
            Step("Inserted", run["created_at"]),
            Step("Planned", planned.at, between(run["created_at"], planned.at), "until its time"),
        ]
    else:
        steps = [planned, Step("Inserted", run["created_at"], late, "until it was inserted")]
    tried = run["attempt"] > 1
    for name, key, spent in (
        ("Claimed", "claimed_at", "with the attempts before" if tried else "waiting for a worker"),
        ("Started", "started_at", "from claim to start"),
        ("Finished", "finished_at", "running" if run["started_at"] else "until it ended"),
    ):
        if run[key]:
            steps.append(Step(name, run[key], between(steps[-1].at, run[key]), spent))
    return steps


# --- What was asked ---


def _page(
    visit: Visit,
    run_id: int,
    status: int = 200,
    *,
    trouble: str = "",
    written: str | None = None,
    wrong: str = "",
) -> Response:
    found = visit.call("get_run", p_run_id=run_id)
    tail = visit.call("tail_logs", p_run_id=run_id, p_limit=_LINES)
    return visit.page(
        "run.html",
        status,
        now=found["now"],
        run=found,
        steps=timeline(found),
        ended=found["status"] in _ENDED,
        logs=tail["logs"],
        cut=tail["cut"],
        trouble=trouble,
        written=payload.pretty(found["payload"]) if written is None else written,
        wrong=wrong,
        request_id=uuid4(),
        section="/runs",
    )


def _payload(visit: Visit, run_id: int, written: str) -> Any:
    """None where it is left as it was. Raises ValueError or BadPayload."""
    before = visit.call("get_run", p_run_id=run_id)
    if not written or written.replace("\r\n", "\n") == payload.pretty(before["payload"]).strip():
        return None
    changed = payload.read_whole(written)
    check_payload(visit, before["task"], changed)
    return changed


def _log(visit: Visit, run_id: int, lines: list[dict[str, Any]]) -> Iterator[str]:
    for _ in range(_MOST_LINES // _A_CALL):
        yield "".join(map(_as_text, lines))
        if len(lines) < _A_CALL:
            return
        lines = visit.call("get_logs", p_run_id=run_id, p_after=lines[-1]["id"], p_limit=_A_CALL)["logs"]
    yield f"… only the first {_MOST_LINES} lines are here\n"


def _as_text(line: dict[str, Any]) -> str:
    return f"{line['at']} {line['attempt']} {printable(line['level'])} {printable(line['message'])}\n"
