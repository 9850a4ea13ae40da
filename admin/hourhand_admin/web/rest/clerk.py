"""What requests that change something have in common."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Response

from hourhand import tracing
from hourhand.errors import BadPayload, UnknownTask
from hourhand_admin.terminal.schema import before_items, problems
from hourhand_admin.web.desk import Desk
from hourhand_admin.web.rest.answers import told

if TYPE_CHECKING:
    from hourhand_admin.web.visit import Visit

_REQUESTS = uuid.UUID("0e4c7b52-9b0f-4d5e-a3d2-5a3a6b0e9c11")


class Editor(Desk):
    """Changes one schedule, if it is still as it was at `updated_at`; else HTTPException 412."""

    def __init__(self, visit: Visit, schedule: Mapping[str, Any], new_name: str | None) -> None:
        super().__init__(visit)
        self._schedule = schedule
        self._renamed = {"new_name": new_name} if new_name else {}

    def call(self, function: str, /, *, retry: bool = True, **params: Any) -> Any:
        if function != "put_schedule":
            return super().call(function, retry=retry, **params)
        return change(self._visit, self._schedule, {**params["p_schedule"], **self._renamed})


def change(visit: Visit, schedule: Mapping[str, Any], changes: Mapping[str, Any] | None) -> Any:
    """None deletes it. Raises HTTPException 412 when somebody was faster."""
    answer = visit.act(
        "change_schedule",
        p_schedule=f"id:{schedule['id']}",
        p_changes=changes,
        p_updated_at=schedule["updated_at"],
    )
    if answer["outcome"] == "stale":
        raise HTTPException(412, "Somebody has changed this schedule meanwhile. Read it again, then decide.")
    return answer


def check_payload(visit: Visit, task: str, payload: Any, *, known: bool = False, fleet: bool = False) -> None:
    """Against the schema that the task's workers have stored; of a `fleet`, for some item.

    Raises BadPayload, and UnknownTask if it has to be known.
    """
    found = next((each for each in visit.call("list_tasks")["tasks"] if each["name"] == task), None)
    if found is None and known:
        raise UnknownTask(f"there is no task {task}", "GET /api/v1/tasks lists those that workers have.")
    schema = found["schema"] if found else None
    wrong = problems(before_items(schema) if fleet else schema, payload) if schema else []
    if wrong:
        raise BadPayload(f"the payload does not fit task {task}: {'; '.join(wrong)}")


def run_made(visit: Visit, answer: dict[str, Any]) -> Response:
    """For a run that was asked for: 201, or 200 where the same request had made it before."""
    status = 201 if answer["outcome"] == "created" else 200
    return told(answer, status, location=visit.url(f"/api/v1/runs/{answer['id']}"))


def request_id(visit: Visit, key: str | None) -> str | None:
    """The same for the same key, sent to the same address by the same user."""
    if key is None:
        return None
    return str(uuid.uuid5(_REQUESTS, "\n".join((visit.who.actor, visit.path, key))))


def asked_in(traceparent: str | None) -> str | None:
    """The admin's own span, if OpenTelemetry traces it, else that of whoever sent the request."""
    return tracing.current() or traceparent
