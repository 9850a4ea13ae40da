"""`hourhand(...)` runs one command against the test's database."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from hourhand import Client, registry
from hourhand.cli import main
from hourhand.transport import Transport
from tests.support.hand import Hand


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Hourhand = Callable[..., Done]


def run(*arguments: object, stdin: str | None = None, **environment: str) -> Done:
    result = CliRunner().invoke(main, [str(each) for each in arguments], input=stdin, env=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(autouse=True)
def tasks() -> Iterator[registry.Registry]:
    """No task of another test is known here."""
    with registry.isolated() as tasks:
        yield tasks


@pytest.fixture
def hourhand(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Hourhand:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("HOURHAND_DEBUG", "on")
    monkeypatch.delenv("HOURHAND_TASKS", raising=False)
    return run


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with Client(database_url) as client:
        yield client


FEED = {
    "type": "object",
    "properties": {"url": {"type": "string"}, "limit": {"type": "integer", "default": 50}},
    "required": ["url"],
}


@pytest.fixture
def hand(transport: Transport) -> Hand:
    """A worker's session that knows two tasks; one takes a feed."""
    ingest = {
        "name": "ingest-rss",
        "schema": FEED,
        "description": "Fetch one feed",
        "queue": "feeds",
        "timeout": 90,
    }
    return Hand(transport, ingest, "clean-news")
