from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hourhand import log, registry
from hourhand.log.lines import Line
from hourhand.transport.postgres import PostgresTransport
from tests.worker.workshop import Workshop


@pytest.fixture
def shop(database_url: str, transport: PostgresTransport, tmp_path: Path) -> Iterator[Workshop]:
    """`@task` inside the test defines what the workers of this shop can run."""
    with registry.isolated() as tasks, ExitStack() as stack:
        yield Workshop(database_url, transport, tasks, tmp_path, stack)


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """Every line of the event log, whatever its level."""
    with log.captured() as captured:
        yield captured
