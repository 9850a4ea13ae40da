"""pytest fixtures; `pytest_plugins = ["hourhand.testing.pytest_plugin"]` in conftest.py switches them on.

    hourhand_url       a fresh database with hourhand's schema, dropped after the test
    hourhand_client    a client for it
    hourhand_clock     its clock, to be frozen and moved
    hourhand_drain     run what is runnable in it

The server is the one that HOURHAND_TEST_DATABASE_URL names (for a role that may create databases), else an
embedded one that lives as long as the test session.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from hourhand.client import Client
from hourhand.testing.clock import DatabaseClock
from hourhand.testing.databases import Databases
from hourhand.testing.inprocess import drain


@contextmanager
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if url := os.environ.get("HOURHAND_TEST_DATABASE_URL"):
        yield url
        return
    from hourhand.embedded import Server

    with Server(tmp_path_factory.mktemp("hourhand"), fsync=False) as server:
        yield server.url


@pytest.fixture(scope="session")
def hourhand_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with _server(tmp_path_factory) as url:
        databases = Databases(url)
        yield databases
        databases.close()


@pytest.fixture
def hourhand_url(hourhand_databases: Databases) -> Iterator[str]:
    with hourhand_databases.fresh() as url:
        yield url


@pytest.fixture
def hourhand_client(hourhand_url: str) -> Iterator[Client]:
    with Client(hourhand_url) as client:
        yield client


@pytest.fixture
def hourhand_clock(hourhand_url: str) -> Iterator[DatabaseClock]:
    with DatabaseClock(hourhand_url) as clock:
        yield clock


@pytest.fixture
def hourhand_drain(hourhand_client: Client) -> Callable[..., Counter[str]]:
    """`drain` for the test's database."""
    return partial(drain, hourhand_client)
