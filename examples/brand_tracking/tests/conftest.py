"""A client and a worker for the example's tasks, and its site on the loopback."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from examples.brand_tracking.setup import set_up
from examples.brand_tracking.site import PAGES, Answers
from examples.brand_tracking.tasks import data_collection, data_collection_and_scoring, scoring
from examples.common.site import serving
from hourhand import Client
from hourhand.testing import drain

Work = Callable[[], Counter[str]]


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    set_up(url)
    with Client() as client:
        yield client


@pytest.fixture
def work(client: Client) -> Work:
    """Lets a worker do all that can be done now."""
    return lambda: drain(client, [data_collection, scoring, data_collection_and_scoring])


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(PAGES, Answers) as url:
        monkeypatch.setenv("BRAND_TRACKING_SITE", url)
        yield url
