"""A database with the tables of the example."""

import pytest

from examples.common.database import apply_migrations, connect
from examples.file_insights.jobs import MIGRATIONS


@pytest.fixture
def tables(request: pytest.FixtureRequest) -> None:
    given = (name for name in ("each_url", "supabase_url") if name in request.fixturenames)
    name = next(given, "url")
    with connect(request.getfixturevalue(name)) as db:
        apply_migrations(db, MIGRATIONS)
