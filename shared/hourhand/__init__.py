"""Scheduled jobs for Python on Postgres or Supabase.

The names below are what users import; each is loaded when it is first used, so that `import hourhand`
costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourhand.client import AsyncClient, Client, Handle
    from hourhand.outcome import Cancel, Discard, Retry, Snooze
    from hourhand.retry import RetryPolicy
    from hourhand.run import Run
    from hourhand.tasks import task

    __version__: str

__all__ = [
    "AsyncClient",
    "Cancel",
    "Client",
    "Discard",
    "Handle",
    "Retry",
    "RetryPolicy",
    "Run",
    "Snooze",
    "__version__",
    "task",
]

_HOMES = {
    "AsyncClient": "hourhand.client",
    "Cancel": "hourhand.outcome",
    "Client": "hourhand.client",
    "Discard": "hourhand.outcome",
    "Handle": "hourhand.client",
    "Retry": "hourhand.outcome",
    "RetryPolicy": "hourhand.retry",
    "Run": "hourhand.run",
    "Snooze": "hourhand.outcome",
    "task": "hourhand.tasks",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value: object = getattr(import_module(_HOMES[name]), name)
    elif name == "__version__":
        value = import_module("importlib.metadata").version("hourhand")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
