"""The tasks that every worker knows beside those it is given. They are in no registry."""

from typing import Any

from hourhand.check import check
from hourhand.registry import Registry
from hourhand.sequence import sequence
from hourhand.tasks import Task

TASKS: dict[str, Task[..., Any]] = {task.name: task for task in (sequence, check)}


def with_built_in(tasks: Registry) -> Registry:
    """A registry of these tasks and the built-in ones."""
    return Registry([*tasks, *TASKS.values()])
