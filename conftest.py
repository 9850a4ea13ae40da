"""One server for all tests, those of the examples too, and its templates of databases.

HOURHAND_TEST_DATABASE_URL chooses an existing server (a superuser's URL) instead of one made for the session.
"""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# So that `examples` and `tests.support` can be imported whichever way pytest was started.
sys.path.insert(0, str(Path(__file__).parent))

from tests.support import databases, tally
from tests.support import postgrest as supabase

# A shell that starts the tests in the background ignores Ctrl-C for them, and what is ignored is inherited:
# the programs that tests start and interrupt would never hear of it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[databases.Postgres]:
    with databases.server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: databases.Postgres) -> Iterator[str]:
    """The name of a database with hourhand's schema, to be copied."""
    with postgres.template() as template:
        yield template


@pytest.fixture(scope="session")
def supabase_template(postgres: databases.Postgres) -> Iterator[str]:
    """The name of a database as a migrated Supabase project has it, to be copied."""
    with supabase.project_template(postgres) as template:
        yield template


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tally.tell(terminalreporter)
