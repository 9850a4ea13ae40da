"""The worker's side of the `Run` objects that tasks get."""

from collections.abc import Callable, Mapping
from typing import Any

from hourhand import log
from hourhand.payloads import make_job, parameters, repeatable
from hourhand.run import Child, EnqueueOptions, Run
from hourhand.tasks import Task
from hourhand.transport import Transport
from hourhand_worker.logbook import Logbook

Call = Callable[[str, dict[str, Any]], Any]
"""A function of the database, with its parameters."""


class Desk:
    """`told` is called when there is something to write after there was nothing."""

    def __init__(self, transport: Transport, logbook: Logbook, told: Callable[[], None]) -> None:
        self._transport = transport
        self._logbook = logbook
        self._told = told

    def log(self, run: Run, level: str, message: str) -> None:
        log.event("run.log", level, message, run_id=run.id, attempt=run.attempt)
        if self._logbook.log(run, level, message):
            self._told()

    def progress(self, run: Run, progress: Mapping[str, Any]) -> None:
        if self._logbook.progress(run, progress):
            self._told()

    def enqueue(
        self, run: Run, task: Task[..., Any] | str, payload: object, options: EnqueueOptions
    ) -> Child:
        return enqueue_child(self._transport.call, run, task, payload, options)

    def advance(self, run: Run) -> Mapping[str, Any]:
        look: Mapping[str, Any] = self._transport.call(
            "advance_sequence", {"p_run_id": run.id, "p_token": run.token}
        )
        return look


def enqueue_child(
    call: Call, run: Run, task: Task[..., Any] | str, payload: object, options: EnqueueOptions
) -> Child:
    job = make_job(task, payload, {**options, "parent_id": run.id})
    keyed = "key" in job
    answer = call("enqueue", parameters(job if keyed else repeatable(job)))
    return Child(answer["id"], answer["outcome"] if keyed else "created")
