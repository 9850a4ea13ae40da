"""Runs: enqueue, look, retry, cancel."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import HTTPException, Query, Response
from pydantic import AwareDatetime

from hourhand.errors import NotFound
from hourhand.records import Status
from hourhand_admin.web.access.needs import Operator, Viewer
from hourhand_admin.web.access.run_tokens import RunReader
from hourhand_admin.web.access.tokens import hash_token, new_token
from hourhand_admin.web.rest import answers
from hourhand_admin.web.rest.answers import told
from hourhand_admin.web.rest.bodies import api
from hourhand_admin.web.rest.clerk import asked_in, check_payload, request_id, run_made
from hourhand_admin.web.rest.paging import after_number, cursor
from hourhand_admin.web.rest.requests import (
    LARGEST,
    Cursor,
    IdempotencyKey,
    Lifetime,
    Limit,
    NewPayload,
    NewRun,
    Reason,
    RunId,
    TraceParent,
)
from hourhand_admin.web.visit import Visit

router = api("/api/v1/runs", "runs")

Text = Annotated[str | None, Query(max_length=500)]


@router.get("", response_model=answers.Runs)
def list_runs(
    visit: Viewer,
    status: Annotated[list[Status] | None, Query(description="One or several.")] = None,
    task: Text = None,
    schedule: Annotated[str | None, Query(max_length=200, description="Its name or id.")] = None,
    queue: Text = None,
    since: Annotated[AwareDatetime | None, Query(description="Created then or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Created before.")] = None,
    error: Annotated[str | None, Query(max_length=500, description="A part of the error.")] = None,
    parent_id: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Response:
    """The newest first. All filters that are given have to match."""
    chosen = {
        "status": status, "task": task, "schedule": schedule, "queue": queue, "since": since, "until": until,
        "error": error, "parent_id": parent_id,
    }  # fmt: skip
    found = visit.call(
        "list_runs",
        p_filter={name: value for name, value in chosen.items() if value is not None},
        p_limit=limit,
        p_before=after_number(cursor_),
    )
    return told({**found, "next": cursor(found["next"])})


@router.post("", status_code=201, response_model=answers.Enqueued)
def enqueue(
    visit: Operator, run: NewRun, idempotency_key: IdempotencyKey = None, traceparent: TraceParent = None
) -> Response:
    """Make a run of a task. 200 instead of 201 when the key's run was there before.

    The payload is checked against the task's schema. A task that no worker has made known yet may be named:
    the run waits for one.
    """
    check_payload(visit, run.task, run.payload)
    wanted = run.model_dump(mode="json", exclude_none=True)
    if idempotency_key is not None:
        if run.key is not None:
            raise HTTPException(422, "Give either Idempotency-Key or a key in the body.")
        wanted |= {"key": idempotency_key, "key_scope": f"rest {visit.who.actor}"}
    answer = visit.act(
        "enqueue",
        **{f"p_{name}": _plain(value) for name, value in wanted.items()},
        p_trace_context=asked_in(traceparent),
    )
    if idempotency_key is not None and answer["outcome"] == "existing":
        _require_same(visit, answer["id"], run)
    return run_made(visit, answer)


@router.get("/{run_id}", response_model=answers.WholeRun)
def show_run(visit: RunReader, run_id: RunId) -> Response:
    """All about one run."""
    return told(visit.call("get_run", p_run_id=run_id))


@router.get("/{run_id}/attempts", response_model=answers.Attempts)
def attempts(visit: RunReader, run_id: RunId) -> Response:
    """The attempts that did not simply complete, with their tracebacks."""
    return told({"attempts": visit.call("get_run", p_run_id=run_id)["attempts"]})


@router.get("/{run_id}/logs", response_model=answers.Lines)
def logs(
    visit: RunReader,
    run_id: RunId,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="Lines with a greater id.")] = 0,
    limit: Limit = 1000,
) -> Response:
    """The lines of its log, the oldest first. `/api/v1/events` gives them as they come."""
    return told(visit.call("get_logs", p_run_id=run_id, p_after=after, p_limit=limit))


@router.post("/{run_id}/retry", status_code=201, response_model=answers.Enqueued)
def retry(
    visit: Operator,
    run_id: RunId,
    body: NewPayload | None = None,
    idempotency_key: IdempotencyKey = None,
    traceparent: TraceParent = None,
) -> Response:
    """Make a new run of a finished one, with another payload if one is given. 409 while it has not ended."""
    payload = body.payload if body else None
    if payload is not None:
        check_payload(visit, visit.call("get_run", p_run_id=run_id)["task"], payload)
    key = request_id(visit, idempotency_key)
    answer = visit.act(
        "retry_run",
        p_run_id=run_id,
        p_payload=payload,
        p_request_id=key,
        p_trace_context=asked_in(traceparent),
    )
    return run_made(visit, answer)


@router.post("/{run_id}/cancel", response_model=answers.Cancelled)
def cancel(visit: Operator, run_id: RunId, body: Reason | None = None) -> Response:
    """Cancel a run. One that is running is told to stop by its worker."""
    return told(visit.act("cancel_run", p_run_id=run_id, p_reason=body.reason if body else None))


@router.post("/{run_id}/token", status_code=201, response_model=answers.RunToken)
def token(visit: Viewer, run_id: RunId, body: Lifetime | None = None) -> Response:
    """A token with which a browser may read this one run for a while, as `?token=`."""
    made = new_token()
    answer = visit.call(
        "create_run_token",
        p_run_id=run_id,
        p_token_hash=hash_token(made),
        p_lifetime=(body or Lifetime()).seconds,
    )
    return told({"token": made, "run_id": run_id, "expires_at": answer["expires_at"]}, 201)


def _plain(value: Any) -> Any:
    """Seconds as an interval is written."""
    return f"{value:.6f}" if isinstance(value, float) else value


def _require_same(visit: Visit, run_id: int, run: NewRun) -> None:
    """A key that is used again for something else is a mistake, and its run no answer to this."""
    try:
        before = visit.call("get_run", p_run_id=run_id)
    except NotFound:  # it was so long ago that it is no longer kept
        return
    if (before["task"], before["payload"]) != (run.task, run.payload):
        raise HTTPException(422, f"This Idempotency-Key was used for another request: it made run {run_id}.")
