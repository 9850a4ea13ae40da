"""Feeds for the tests: those of the repository, and real ones from HOURHAND_EXAMPLE_FEEDS."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from examples.news.setup import set_up
from examples.news.tests.web import Web, serving
from tests.support import databases
from tests.support.programs import missing

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def own_feeds() -> Path:
    return CHECKOUT / "examples" / "news" / "feeds"


@pytest.fixture(scope="session")
def real_feeds() -> Path:
    """Documents as publishers served them; they are not part of the repository."""
    directory = Path(os.environ.get("HOURHAND_EXAMPLE_FEEDS", CHECKOUT.parent / "shared" / "data" / "feeds"))
    if not directory.is_dir():
        missing(f"no real feeds in {directory}: HOURHAND_EXAMPLE_FEEDS names a directory with some")
    return directory


@pytest.fixture(scope="session")
def migrated(postgres: databases.Postgres, migrated: str) -> Iterator[str]:
    """The name of a database with hourhand's tables and those of the example."""
    with postgres.database(template=migrated) as url:
        set_up(url, {})
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as web:
        yield web
