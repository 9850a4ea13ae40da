"""Feeds for the tests: those of the repository, and real ones from HOURHAND_EXAMPLE_FEEDS."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

# So that `examples` and `tests.support` can be imported whichever way pytest was started.
sys.path.insert(0, str(Path(__file__).parents[3]))

from examples.news.database import Connection
from examples.news.setup import set_up
from examples.news.tests.web import Web, serving
from tests.support import databases

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def own_feeds() -> Path:
    return CHECKOUT / "examples" / "news" / "feeds"


@pytest.fixture(scope="session")
def real_feeds() -> Path:
    """Documents as publishers served them; they are not part of the repository."""
    directory = Path(os.environ.get("HOURHAND_EXAMPLE_FEEDS", CHECKOUT.parent / "shared" / "data" / "feeds"))
    if directory.is_dir():
        return directory
    if os.environ.get("CI") == "true":
        pytest.fail(f"no real feeds in {directory}: HOURHAND_EXAMPLE_FEEDS has to name a directory in CI")
    pytest.skip(f"no real feeds in {directory}: set HOURHAND_EXAMPLE_FEEDS to test with some")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[databases.Postgres]:
    with databases.server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: databases.Postgres) -> Iterator[str]:
    """The name of a database with hourhand's tables and those of the example."""
    with postgres.template() as name:
        set_up(postgres.url_of(name), {})
        yield name


@pytest.fixture
def url(postgres: databases.Postgres, migrated: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a database of its own, which is also the configured one."""
    with postgres.database(template=migrated) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        yield url


@pytest.fixture
def db(url: str) -> Iterator[Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as web:
        yield web
