"""A client and a worker for the example's tasks, and its pages on the loopback."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.common.database import Connection
from examples.common.site import serving
from examples.stories import store
from examples.stories.setup import set_up
from examples.stories.tests.own import TASKS
from hourhand import Client
from hourhand.testing import drain

HERE = Path(__file__).parents[1]
Work = Callable[[], Counter[str]]
AddFeed = Callable[..., int]


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    set_up(url)
    with Client() as client:
        yield client


@pytest.fixture
def work(client: Client) -> Work:
    """Lets a worker do all that can be done now."""
    return lambda: drain(client, TASKS)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(HERE / "site") as url:
        yield url


@pytest.fixture
def add_feed(client: Client, db: Connection) -> AddFeed:
    def add_feed(place: str, kind: str = "rss", name: str = "feed") -> int:
        store.put_feed(db, name, kind, place)
        return next(feed.id for feed in store.enabled_feeds(db, kind) if feed.name == name)

    return add_feed
