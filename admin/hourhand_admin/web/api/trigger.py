"""Runs under the paths and in the words of other job queues: trigger, look, follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import Response
from starlette.concurrency import run_in_threadpool

from hourhand_admin.web.access.needs import Operator
from hourhand_admin.web.access.run_tokens import RunReader
from hourhand_admin.web.live.cursor import Cursor, Event
from hourhand_admin.web.live.stream import EventStream
from hourhand_admin.web.rest import answers
from hourhand_admin.web.rest.answers import told
from hourhand_admin.web.rest.bodies import api
from hourhand_admin.web.rest.clerk import asked_in, check_payload
from hourhand_admin.web.rest.requests import LastEventId, RunId, TraceParent, Trigger

router = api(tag="trigger")

STATES = {
    "pending": "QUEUED",
    "processing": "EXECUTING",
    "completed": "COMPLETED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "A message for each state, then `end`.", "content": {"text/event-stream": {}}},
    204: {"description": "The run has ended, and `Last-Event-ID` says that this was told."},
}


@router.post("/trigger", response_model=answers.Triggered)
def trigger(visit: Operator, wanted: Trigger, traceparent: TraceParent = None) -> Response:
    """Make a run. 404 for a task that no worker has made known, 422 for a payload that does not fit it."""
    check_payload(visit, wanted.task, wanted.payload, known=True)
    made = visit.act(
        "enqueue", p_task=wanted.task, p_payload=wanted.payload, p_trace_context=asked_in(traceparent)
    )
    return told({"id": made["id"]})


@router.get("/trigger/runs/{run_id}", response_model=answers.JobStatus)
def status(visit: RunReader, run_id: RunId) -> Response:
    """How it is with a run."""
    return told(_status(visit.call("get_run", p_run_id=run_id)))


@router.get("/jobs/stream/{run_id}", response_class=Response, responses=_STREAM)
async def stream(visit: RunReader, run_id: RunId, last_event_id: LastEventId) -> Response:
    """The same object as server-sent events, one for each state; after the last one comes `end`."""
    await run_in_threadpool(visit.call, "get_run", p_run_id=run_id)
    cursor = Cursor.of({run_id: 0}, (), last_event_id)
    if cursor.over:
        return Response(status_code=204)
    return EventStream(visit.request.app.state.live, cursor, visit.may_stay, _States())


class _States:
    """Leaves out what is no change of these few fields."""

    def __init__(self) -> None:
        self._last: Any = None

    def __call__(self, event: Event) -> Iterator[Event]:
        if event.name == "run" and event.data["status"] is not None:
            status = _status(event.data)
            if status != self._last:
                self._last = status
                yield Event("message", status, event.id)
        elif event.name == "run-end":
            yield Event("end", self._last or {}, event.id)


def _status(run: dict[str, Any]) -> dict[str, Any]:
    return {"id": run["id"], "status": STATES[run["status"]], "output": run["result"], "error": run["error"]}
