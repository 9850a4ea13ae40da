"""A database with the tables of the example."""

import pytest

from examples.common.database import apply_migrations, connect
from examples.file_insights.jobs import MIGRATIONS


@pytest.fixture
def tables(request: pytest.FixtureRequest) -> None:
    name = "each_url" if "each_url" in request.fixturenames else "url"
    with connect(request.getfixturevalue(name)) as db:
        apply_migrations(db, MIGRATIONS)
