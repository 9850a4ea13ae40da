"""A database with the tables, the schedules and the preferences of the example."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from examples.common.database import connect
from examples.common.site import serving
from examples.company_watch.__main__ import set_up
from examples.company_watch.careers import PAGES, Careers
from examples.company_watch.seed import seed
from hourhand import Client
from tests.support import databases


@pytest.fixture
def site() -> Iterator[str]:
    with serving(PAGES, Careers) as address:
        yield address


@pytest.fixture(scope="session")
def migrated(postgres: databases.Postgres, migrated: str) -> Iterator[str]:
    """The name of a database with the tables and the schedules."""
    with postgres.database(template=migrated) as url:
        set_up(url)
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def seeded(url: str, site: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COMPANY_WATCH_DELAY", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with connect(url) as db, Client() as client:
        seed(db, client, site)
    return url
