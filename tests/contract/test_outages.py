"""PostgREST or Postgres is killed and comes back: daemons that know nothing else go on by themselves."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from hourhand import log, registry
from hourhand.embedded import Server
from hourhand.log.lines import Line
from hourhand.settings import Settings, load_settings
from hourhand.tasks import task
from hourhand.transport.postgres import PostgresTransport
from tests.contract.ways import Place, Way
from tests.contract.workshop import AnyWorkshop
from tests.support import eventually
from tests.support.databases import Postgres
from tests.support.postgrest import PostgREST, postgrest, project_template

pytestmark = pytest.mark.slow

AWAY = 7.0
"""Seconds: longer than a daemon repeats one call."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of its own, to be killed; it keeps what it has acknowledged."""
    with Server(tmp_path / "data", options={"synchronous_commit": "on"}) as server:
        yield server


@pytest.fixture
def rest(server: Server, tmp_path: Path) -> Iterator[PostgREST]:
    with ExitStack() as stack:
        postgres = Postgres(server.url)
        template = stack.enter_context(project_template(postgres))
        url = stack.enter_context(postgres.database(template=template))
        yield stack.enter_context(postgrest(url, tmp_path / "postgrest.log"))


@pytest.fixture
def shop(rest: PostgREST, tmp_path: Path) -> Iterator[AnyWorkshop]:
    def settings(**overrides: object) -> Settings:
        project = {"supabase_url": rest.url, "supabase_key": rest.key, "supabase_rest_path": ""}
        return load_settings(**{**project, "transport": "supabase", **overrides})

    with registry.isolated() as tasks, ExitStack() as stack:
        place = Place(Way("postgrest", 18), rest.database_url, settings)
        looks = PostgresTransport(rest.database_url, application_name="hourhand-tests")
        stack.callback(place.close)
        stack.callback(looks.close)
        yield AnyWorkshop(place, looks, tasks, tmp_path, stack)


def count(rest: PostgREST, rows: str) -> int:
    with psycopg.connect(rest.database_url, autocommit=True) as database:
        row = database.execute(f"select count(*) from hourhand.{rows}".encode()).fetchone()
    return int(row[0]) if row else 0


def planned(rest: PostgREST) -> int:
    return count(rest, "scheduled_jobs where next_run_at is not null")


def completed(rest: PostgREST) -> int:
    """Runs of instants since the server and this PostgREST are there."""
    return count(rest, "job_runs where status = 'completed'")


def postgrest_is_killed(server: Server, rest: PostgREST) -> None:
    rest.kill()
    threading.Event().wait(AWAY)
    rest.start()


def postgres_is_killed(server: Server, rest: PostgREST) -> None:
    server.kill()
    threading.Event().wait(AWAY)
    server.restart()


def said(lines: list[Line]) -> Counter[str]:
    """What failed, by the part of a daemon that said so."""
    failing = [line for line in lines if line.level == "WARNING" and " failed: " in line.message]
    return Counter(line.message.partition(" failed: ")[0] for line in failing if "run_id" not in line.fields)


@pytest.mark.parametrize("outage", [postgrest_is_killed, postgres_is_killed])
def test_daemons_outlive_an_outage(
    outage: Callable[[Server, PostgREST], None],
    server: Server,
    rest: PostgREST,
    shop: AnyWorkshop,
    record_property: Callable[[str, object], None],
) -> None:
    @task("work")
    def work() -> None: ...

    with psycopg.connect(rest.database_url) as database:
        database.execute(
            "insert into hourhand.scheduled_jobs (name, task, every) values ('beat', 'work', '1 second')"
        )
    with log.captured() as lines, shop.scheduling(), ExitStack() as stack:
        eventually(lambda: planned(rest), 30)
        stack.enter_context(shop.working(lease=30))  # which knows now when to look, also without hints
        eventually(lambda: completed(rest) >= 2, 60, interval=0.1)
        outage(server, rest)
        # PostgREST itself pauses ever longer between its attempts to reach Postgres.
        eventually(rest.ready, 40)
        back = time.monotonic()
        before = completed(rest)
        eventually(lambda: completed(rest) > before, 30, interval=0.1)
        recovered = time.monotonic() - back
        eventually(lambda: completed(rest) >= before + 3, 30, interval=0.1)
    warnings = said(lines)
    told = ", ".join(f"{part}: {count}" for part, count in sorted(warnings.items()))
    name = outage.__name__.replace("_", " ")
    record_property(
        "fault", f"{name}, {AWAY:.0f} s away: works again {recovered:.1f} s after; warnings: {told}"
    )
    assert recovered <= 5
    assert warnings
    assert set(warnings.values()) == {1}
    with psycopg.connect(rest.database_url) as database:
        twice = "select count(*) - count(distinct scheduled_for) from hourhand.job_runs"
        assert database.execute(twice.encode()).fetchone() == (0,)
