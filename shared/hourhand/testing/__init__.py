"""Helpers for the tests of programs that use hourhand.

    run_inline(task, payload)              run a task here and now, without a database
    drain(client), fire_due(client)        one pass of the real worker or scheduler, in this process
    assert_enqueued(client, task, {...})   was such a run asked for?
    DatabaseClock(url)                     stop, set and move the time of a test database

`pytest_plugin` has fixtures for all of it; switch them on in conftest.py with
`pytest_plugins = ["hourhand.testing.pytest_plugin"]`.
"""

from hourhand.testing.assertions import assert_enqueued
from hourhand.testing.clock import DatabaseClock, NotATestDatabase
from hourhand.testing.databases import Databases
from hourhand.testing.inline import Enqueued, Inline, run_inline, run_inline_async
from hourhand.testing.inprocess import drain, fire_due

__all__ = [
    "DatabaseClock",
    "Databases",
    "Enqueued",
    "Inline",
    "NotATestDatabase",
    "assert_enqueued",
    "drain",
    "fire_due",
    "run_inline",
    "run_inline_async",
]
