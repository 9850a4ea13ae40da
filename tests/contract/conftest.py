"""The fixtures of the tests that this suite takes over, by the way that a test is told to go."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hourhand import log, registry
from hourhand.log.lines import Line
from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand.transport.postgres import PostgresTransport
from tests.contract.ways import WAYS, Map, Place, Way
from tests.contract.workshop import AnyWorkshop
from tests.scheduler.conftest import insert, ledger, scheduler
from tests.sql.conftest import end_lease, enqueue, hand

__all__ = ["end_lease", "enqueue", "hand", "insert", "ledger", "scheduler"]


@pytest.fixture(scope="session")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Map]:
    with ExitStack() as stack:
        yield Map(tmp_path_factory.mktemp("contract"), stack)


@pytest.fixture(params=WAYS, ids=str)
def place(request: pytest.FixtureRequest, ways: Map) -> Place:
    """An empty database, to which this test goes by one of the ways."""
    way: Way = request.param
    request.node.user_properties.append(("contract", str(way)))
    place = ways.place(way)
    place.empty()
    return place


@pytest.fixture
def database_url(place: Place) -> str:
    """For a superuser, to look and to prepare."""
    return place.url


@pytest.fixture
def transport(place: Place) -> Iterator[Transport]:
    transport = place.connect()
    yield transport
    transport.close()


@pytest.fixture
def settings(place: Place) -> Settings:
    return place.settings()


@pytest.fixture
def shop(place: Place, tmp_path: Path) -> Iterator[AnyWorkshop]:
    """As in the tests of the worker; its workers go the way of the test."""
    looks = PostgresTransport(place.url, application_name="hourhand-tests")
    with registry.isolated() as tasks, ExitStack() as stack:
        stack.callback(looks.close)
        yield AnyWorkshop(place, looks, tasks, tmp_path, stack)


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """Every line of the event log, whatever its level."""
    with log.captured() as captured:
        yield captured
