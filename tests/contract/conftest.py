"""The fixtures of the tests that this suite takes over, by the way that a test is told to go."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from hourhand.transport import Transport
from tests.contract.ways import WAYS, Map, Place, Way
from tests.sql.conftest import end_lease, enqueue, hand

__all__ = ["end_lease", "enqueue", "hand"]


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
