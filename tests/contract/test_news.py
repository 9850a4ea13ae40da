"""The news example with a scheduler and a worker that have no way to hourhand's tables but PostgREST.

The example's own tables need SQL: DATABASE_URL is that of a role which may not even enter the schema hourhand.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from examples.news.setup import set_up
from hourhand.embedded.child import bound_command
from tests.support import eventually
from tests.support.postgrest import PostgREST, url_as

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NEWS = "hourhand_test_news"

SCHEDULES = """
schedules:
  - name: news
    task: ingest-rss
    payload: { clean_limit: 50 }
    every: 4s
    overlap: skip
"""


@pytest.fixture
def news_url(postgrest: PostgREST) -> str:
    """The database for the example's own role, with its tables and feeds."""
    with psycopg.connect(postgrest.database_url, autocommit=True) as database:
        database.execute("select pg_advisory_lock(1)")
        if not database.execute("select from pg_roles where rolname = %s", [NEWS]).fetchone():
            database.execute(f"create role {NEWS} login".encode())
        database.execute(f"grant create on database {database.info.dbname} to {NEWS}".encode())
    url = url_as(postgrest.database_url, NEWS)
    set_up(url, {"Feeds of the example": str(ROOT / "examples" / "news" / "feeds")})
    return url


@pytest.fixture
def start(postgrest: PostgREST, news_url: str, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Starts a daemon; where its log is."""
    (tmp_path / "schedules.yaml").write_text(SCHEDULES)
    environment = {
        **os.environ,
        **postgrest.environment,
        "DATABASE_URL": news_url,
        "PYTHONPATH": str(ROOT),
        "HOURHAND_TASKS": "examples.news.tasks",
        "HOURHAND_SCHEDULES": str(tmp_path / "schedules.yaml"),
    }
    with ExitStack() as stack:
        yield lambda kind: stack.enter_context(_daemon(kind, environment, tmp_path))


@contextmanager
def _daemon(kind: str, environment: dict[str, str], directory: Path) -> Iterator[Path]:
    log = directory / f"{kind}.log"
    command = bound_command([sys.executable, "-m", "hourhand", kind], ended_by=signal.SIGKILL)
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=directory, stdout=output, stderr=output)
    try:
        yield log
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def test_the_news_come_in_and_are_cleaned_over_https_alone(
    postgrest: PostgREST,
    news_url: str,
    start: Callable[[str], Path],
    record_property: Callable[[str, object], None],
) -> None:
    with psycopg.connect(news_url) as database, pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute("select hourhand.info()")
    scheduler = start("scheduler")
    worker = start("worker")

    def count(query: str) -> int:
        with psycopg.connect(postgrest.database_url) as database:
            row = database.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    def cleaned() -> bool:
        raw, clean = (
            count("select count(*) from news.raw_news"),
            count("select count(*) from news.clean_news"),
        )
        return 0 < raw == clean

    eventually(lambda: count("select count(*) from hourhand.schedule_firings") >= 2, 60, interval=0.2)
    eventually(cleaned, 40, interval=0.2)
    direct = (
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and application_name like 'hourhand-%%'"
    )
    assert count(f"{direct} and application_name not in ('hourhand-examples', 'hourhand-tests')") == 0
    runs = count("select count(*) from hourhand.job_runs where status = 'completed'")
    items = count("select count(*) from news.clean_news")
    record_property(
        "fault", f"the news example over PostgREST only: {runs} runs completed, {items} items cleaned"
    )
    assert "[Scheduler]" in scheduler.read_text()
    assert "[Worker]" in worker.read_text()
