"""Databases for the tests of the examples, and the examples' own commands, run as by hand."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from examples.common.database import Connection
from tests.support import databases
from tests.support import postgrest as supabase

CHECKOUT = Path(__file__).parents[1]
Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def url(postgres: databases.Postgres, migrated: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a database of its own, which is also the configured one."""
    with postgres.database(template=migrated) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        yield url


@pytest.fixture
def supabase_url(
    postgres: databases.Postgres, supabase_template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    """The address of a Supabase project's database; hourhand is told to go through the project's API."""
    with postgres.database(template=supabase_template) as url:
        supabase.give_to_owner(url)
        with supabase.postgrest(url, tmp_path / "postgrest.log") as api:
            for name, value in {**api.environment, "DATABASE_URL": api.owner_url}.items():
                monkeypatch.setenv(name, value)
            yield api.owner_url


@pytest.fixture(params=["postgres", "supabase"])
def each_url(request: pytest.FixtureRequest) -> str:
    """The same test over both transports: the address of the configured database."""
    url: str = request.getfixturevalue("url" if request.param == "postgres" else "supabase_url")
    return url


@pytest.fixture
def db(request: pytest.FixtureRequest) -> Iterator[Connection]:
    given = (name for name in ("each_url", "supabase_url") if name in request.fixturenames)
    name = next(given, "url")
    with psycopg.connect(request.getfixturevalue(name), autocommit=True) as connection:
        yield connection


@pytest.fixture
def python() -> Python:
    """Runs a module in the checkout: `python("examples.news", NEWS_CONTACT="…")`."""

    def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            env=os.environ | environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return python
