"""What a test wants to know afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hourhand.payloads import name_of
from hourhand.records import RunRecord
from hourhand.testing.inline import Enqueued, Inline

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.tasks import Task

_MOST = 1000
_MOST_SHOWN = 10

Found = RunRecord | Enqueued


def assert_enqueued(
    where: Client | Inline,
    task: Task[..., Any] | str,
    payload: Mapping[str, Any] | None = None,
    *,
    times: int | None = None,
) -> list[Any]:
    """The pending runs of a task, or what a task run inline has enqueued, with at least these payload fields.

    Raises AssertionError when there is none, or not exactly `times` of them, and says what there is instead.
    """
    name = name_of(task)
    found = [each for each in _enqueued(where) if each.task == name]
    fitting = [each for each in found if _fits(each.payload, payload or {})]
    if (len(fitting) == times) if times is not None else fitting:
        return fitting
    wanted = f"a run of {name}" if times is None else f"{times} runs of {name}"
    having = f" with {dict(payload)}" if payload else ""
    raise AssertionError(
        f"expected {wanted}{having}, found {len(fitting)}; enqueued are {_shown(where, found)}"
    )


def _enqueued(where: Client | Inline) -> list[Any]:
    if isinstance(where, Inline):
        return where.enqueued
    pending = where.runs.list(status="pending", limit=_MOST)
    return [where.runs.get(run.id) for run in reversed(pending)]


def _fits(payload: Any, wanted: Mapping[str, Any]) -> bool:
    return not wanted or (
        isinstance(payload, Mapping)
        and all(name in payload and payload[name] == value for name, value in wanted.items())
    )


def _shown(where: Client | Inline, found: list[Found]) -> str:
    if found:
        return ", ".join(f"{each.task} {each.payload}" for each in found[:_MOST_SHOWN])
    others = sorted({each.task for each in _enqueued(where)})
    return f"only runs of {', '.join(others)}" if others else "no runs at all"
