"""What the shell offers for a name that was begun: schedules, tasks and queues of the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hourhand.errors import HourhandError

if TYPE_CHECKING:
    import click

_PATIENCE = 1.0
_MOST = 100


def schedules(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    found = _asked("list_schedules", p_filter={"search": begun}, p_limit=_MOST)
    return _offered(found.get("schedules", ()), begun)


def tasks(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    return _offered(_asked("list_tasks").get("tasks", ()), begun)


def queues(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    return _offered(_asked("list_queues").get("queues", ()), begun)


def _asked(function: str, **params: Any) -> dict[str, Any]:
    """Nothing where it cannot be asked: who types is not to read of it."""
    from hourhand.client import Client

    try:
        with Client(application_name="hourhand-cli", patience=_PATIENCE) as client:
            answer: dict[str, Any] = client.call(function, **params)
    except HourhandError:
        return {}
    return answer


def _offered(rows: Iterable[dict[str, Any]], begun: str) -> list[str]:
    """Not those with blanks, which shells take for two words."""
    names = (str(row["name"]) for row in rows)
    return sorted(name for name in names if name.startswith(begun) and len(name.split()) == 1)
