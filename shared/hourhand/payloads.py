"""What a client sends for a run: the task's name, its payload as plain JSON, and the task's own options."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from hourhand import built_in, registry, tracing
from hourhand.errors import BadPayload

if TYPE_CHECKING:
    from hourhand.tasks import Task

Job = dict[str, Any]
"""The parameters of the function `enqueue` without `p_`: durations in seconds, instants as text."""

_REPEAT_SCOPE = "hourhand.enqueue"
_REPEAT_TTL = 3600.0


def make_job(task: Task[..., Any] | str, payload: Any, options: Mapping[str, Any]) -> Job:
    """One run as it is sent. Raises BadPayload."""
    return {**job_without_payload(task, options), "payload": payload_of(task, payload)}


def job_without_payload(task: Task[..., Any] | str, options: Mapping[str, Any]) -> Job:
    """What the runs of one call have in common."""
    given = {name: plain(value) for name, value in options.items() if value is not None}
    return {"task": name_of(task), **_options(_known(task)), **tracing.mark(), **given}


def payloads_of(task: Task[..., Any] | str, payloads: Iterable[Any]) -> Iterator[Any]:
    """Each payload as plain JSON, when it is asked for. Raises BadPayload."""
    known = _known(task)
    return (_encoded(known, payload) for payload in payloads)


def payload_of(task: Task[..., Any] | str, payload: Any) -> Any:
    """The payload as plain JSON, checked when the task is known here. Raises BadPayload."""
    return _encoded(_known(task), payload)


def name_of(task: Task[..., Any] | str) -> str:
    return task if isinstance(task, str) else task.name


def repeatable(job: Job) -> Job:
    """With a key of its own, so that the call can be repeated when its answer is lost."""
    return {
        **job,
        "key": uuid.uuid4().hex,
        "key_scope": _REPEAT_SCOPE,
        "key_ttl": _REPEAT_TTL,
        "on_conflict": "existing",
    }


def is_repeatable(job: Job) -> bool:
    return job.get("key_scope") == _REPEAT_SCOPE


def parameters(job: Job) -> dict[str, Any]:
    """The job as the parameters of the function `enqueue`."""
    return {f"p_{name}": value for name, value in job.items()}


def plain(value: Any) -> Any:
    """A duration as seconds, an instant as text, all else as it is. Raises ValueError for a naive time."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: use an aware datetime")
        return value.isoformat()
    return value


def _known(task: Task[..., Any] | str) -> Task[..., Any] | None:
    if not isinstance(task, str):
        return task
    here = registry.current()
    if task in here:
        return here.get(task)
    return built_in.TASKS.get(task)


def _encoded(task: Task[..., Any] | None, payload: Any) -> Any:
    value = _unchecked(payload) if task is None else task.encode(payload)
    if not isinstance(value, dict | list):
        raise BadPayload(f"a payload is an object or a list, not {value!r}", 'Name the value: {"value": …}.')
    return value


def _unchecked(payload: Any) -> Any:
    try:
        return {} if payload is None else to_jsonable_python(payload, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError) as error:
        raise BadPayload(f"the payload can't be written as JSON: {error}") from None


def _options(task: Task[..., Any] | None) -> Job:
    """Sent along, so that they hold before the first worker has made the task known to the database."""
    if task is None:
        return {}
    return {
        "queue": task.queue,
        "priority": task.priority,
        "max_attempts": task.max_attempts,
        "timeout": task.timeout.total_seconds(),
    }
