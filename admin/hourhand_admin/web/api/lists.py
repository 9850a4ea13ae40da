"""Tasks, services and queues."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from hourhand.errors import UnknownTask
from hourhand_admin.web.access.needs import Operator, Viewer
from hourhand_admin.web.rest import answers
from hourhand_admin.web.rest.answers import told
from hourhand_admin.web.rest.bodies import JsonRoute
from hourhand_admin.web.rest.requests import Note, QueueLimit

router = APIRouter(prefix="/api/v1", route_class=JsonRoute)

QueueName = Annotated[str, Path(min_length=1, max_length=100)]


@router.get("/tasks", tags=["tasks"], response_model=answers.Tasks)
def list_tasks(visit: Viewer) -> Response:
    """Every task that a worker has made known."""
    return told(visit.call("list_tasks"))


@router.get("/tasks/{name}", tags=["tasks"], response_model=answers.Task)
def show_task(visit: Viewer, name: Annotated[str, Path(max_length=200)]) -> Response:
    """One of them, with the JSON schema of its payload."""
    for each in visit.call("list_tasks")["tasks"]:
        if each["name"] == name:
            return told(each)
    raise UnknownTask(f"there is no task {name}", "GET /api/v1/tasks lists those that workers have.")


@router.get("/services", tags=["services"], response_model=answers.Services)
def list_services(visit: Viewer) -> Response:
    """The schedulers, workers and admins that live, are late, or were lost in the last ten minutes."""
    found = visit.call("get_status")
    return told({"now": found["now"], "services": found["services"]})


@router.get("/queues", tags=["queues"], response_model=answers.Queues)
def list_queues(visit: Viewer) -> Response:
    """Those that have runs, tasks or a setting of their own."""
    return told(visit.call("list_queues"))


@router.post("/queues/{name}/pause", tags=["queues"], response_model=answers.Queue)
def pause(visit: Operator, name: QueueName, body: Note | None = None) -> Response:
    """Start no run of this queue any more. What runs goes on."""
    return told(visit.act("pause_queue", p_queue=name, p_note=body.note if body else None))


@router.post("/queues/{name}/resume", tags=["queues"], response_model=answers.Queue)
def resume(visit: Operator, name: QueueName) -> Response:
    """Start runs again."""
    return told(visit.act("resume_queue", p_queue=name))


@router.post("/queues/{name}/limit", tags=["queues"], response_model=answers.Queue)
def limit(visit: Operator, name: QueueName, limits: QueueLimit) -> Response:
    """Bound how many of its runs go on at a time, and how many start in a second."""
    given = limits.model_dump(exclude_unset=True)
    if None in given.values():  # the function takes all limits away, or none
        now = {each["name"]: each for each in visit.call("list_queues")["queues"]}.get(name, {})
        given = {**{key: now.get(key) for key in ("concurrency", "rate", "burst")}, **given, "clear": True}
    return told(visit.act("limit_queue", p_queue=name, **{f"p_{key}": value for key, value in given.items()}))
