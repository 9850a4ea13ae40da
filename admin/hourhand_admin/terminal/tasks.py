"""Checks what was typed against the tasks that workers have registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hourhand_admin.terminal.session import did_you_mean, warn

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.registry import Registry

_NOBODY = "no worker has registered a task {name!r}; its runs wait until one does"


def known_tasks(client: Client) -> dict[str, dict[str, Any]]:
    """The registered tasks, and those of the modules in HOURHAND_TASKS, by name."""
    registered = {task["name"]: task for task in client.call("list_tasks")["tasks"]}
    if not client.settings.tasks:
        return registered
    from hourhand import registry

    return {**registered, **{task["name"]: task for task in registry.load(client.settings.tasks).definitions}}


def require_task(client: Client, name: str) -> Mapping[str, Any] | None:
    """The task's definition; None, with a warning, while no task at all is known.

    Raises UnknownTask.
    """
    known = known_tasks(client)
    if name in known:
        return known[name]
    if known:
        from hourhand.errors import UnknownTask

        listed = did_you_mean(name, known) or f"Known are: {', '.join(sorted(known)[:10])}."
        raise UnknownTask(
            f"no task is called {name!r}",
            f"{listed} With --force it is enqueued all the same, for a worker to come.",
        )
    warn(f"{_NOBODY.format(name=name)}.")
    return None


def warn_of_unknown_task(client: Client, name: str) -> Mapping[str, Any] | None:
    """The task's definition; a warning when there is none."""
    known = known_tasks(client)
    if name not in known:
        near = did_you_mean(name, known)
        warn(f"{_NOBODY.format(name=name)}.{' ' + near if near else ''}")
    return known.get(name)


def load_with(name: str, modules: Sequence[str]) -> Registry:
    """The tasks of these modules, this one among them. Raises UnknownTask and TaskImportError."""
    from hourhand import registry
    from hourhand.errors import UnknownTask

    known = registry.load(modules)
    try:
        known.get(name)
    except UnknownTask as error:
        raise UnknownTask(str(error), did_you_mean(name, known.names) or error.hint) from None
    return known


def check_payload(task: Mapping[str, Any] | None, payload: Any, *, fleet: bool = False) -> None:
    """Refuse a payload that the schema does not allow; of a `fleet`, for some item. Raises BadPayload."""
    schema = task.get("schema") if task else None
    if not schema:
        return
    from hourhand.errors import BadPayload
    from hourhand_admin.terminal.schema import before_items, problems

    found = problems(before_items(schema) if fleet else schema, {} if payload is None else payload)
    if found:
        name = task["name"] if task else ""
        raise BadPayload(
            f"the payload does not fit the task {name}: {'; '.join(found)}",
            f"`hourhand tasks {name}` shows what it takes.",
        )
