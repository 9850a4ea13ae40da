"""From the schema of the first migration to this one, with rows in its tables and daemons at work.

`schema_0001.sql.gz` is what `hourhand migrate --print` wrote when there was no other migration.
"""

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hourhand import Client, migrate
from hourhand.errors import ContractMismatch
from hourhand.sql.script import read
from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand
from tests.support import eventually
from tests.support.catalog import contents
from tests.support.databases import Postgres
from tests.support.postgrest import ensure_roles

Connection = psycopg.Connection[Any]
FIRST = gzip.decompress((Path(__file__).parent / "schema_0001.sql.gz").read_bytes())
SESSION = "11111111-1111-4111-8111-111111111111"

FILL = f"""
    select hourhand.put_schedule('{{"name": "news", "task": "t", "cron": "0 3 * * *", "payload": {{"a": 1}}, "tags": ["x"]}}');
    select hourhand.put_schedule('{{"name": "fleet", "task": "t", "every": 3600, "rank_intervals": {{"1": "1 day"}}}}');
    select hourhand.set_items('fleet', '[{{"item": "a", "rank": 3}}]');
    select hourhand.enqueue_many('[{{"task": "t", "key": "k"}}, {{"task": "t"}}, {{"task": "u"}}, {{"task": "t"}}]');
    select hourhand.open_session('{SESSION}', 'worker', 'w', p_lease => 3600, p_tasks => '[{{"name": "t"}}]');
    select hourhand.claim('{SESSION}', gen_random_uuid(), 2, '["t"]');
    select hourhand.append_logs('{SESSION}', (select jsonb_agg(jsonb_build_object('run_id', id, 'token', token, 'attempt', 1,
      'seq', 1, 'at', now(), 'level', 'INFO', 'message', 'hello')) from hourhand.job_runs where token is not null));
    select hourhand.finish('{SESSION}', (select jsonb_agg(jsonb_build_object('id', id, 'token', token, 'outcome', 'failed',
      'error', jsonb_build_object('class', 'E', 'message', 'm'))) from (select * from hourhand.job_runs where token is not null limit 1) r));
    select hourhand.pause_queue('slow');
    insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, decided_at)
      values (1, '2026-01-01', 'missed', now());
"""


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """A database with the first schema, as its daemons have left it."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(FIRST)
        for statement in FILL.split(";\n"):
            connection.execute(statement.encode())
    return empty_database_url


@pytest.fixture
def look(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def rows(look: Connection) -> dict[str, list[dict[str, Any]]]:
    tables = look.execute(
        "select oid::regclass::text from pg_class where relnamespace = 'hourhand'::regnamespace and relkind in ('r', 'p')"
        " and relname <> 'migrations' order by 1"
    ).fetchall()
    return {
        table: [
            row for (row,) in look.execute(f"select to_jsonb(t) from {table} t order by t::text".encode())
        ]
        for (table,) in tables
    }


def test_every_row_is_kept(database_url: str, look: Connection, transport: PostgresTransport) -> None:
    before = rows(look)
    assert all(
        before[f"hourhand.{table}"]
        for table in ("scheduled_jobs", "schedule_items", "job_runs", "job_run_logs")
    )
    assert migrate.pending(transport)[0] != "0001_tables"
    migrate.apply(transport)
    after = rows(look)
    for table, old in before.items():
        kept = [{column: row.get(column) for column in old[0]} for row in after[table]] if old else []
        assert sorted(map(repr, kept)) == sorted(map(repr, old)), table


def test_what_is_there_then_is_what_a_new_database_has(
    postgres: Postgres, database_url: str, transport: PostgresTransport
) -> None:
    ensure_roles(postgres.url)
    migrate.apply(transport)
    with postgres.template() as template:
        new, upgraded = contents(postgres.url_of(template)), contents(database_url)
    assert {
        part for part in new if sorted(map(repr, new[part])) != sorted(map(repr, upgraded[part]))
    } == set()


def test_a_new_daemon_on_the_old_schema_says_what_to_do(transport: PostgresTransport) -> None:
    if len(read().migrations) == 1:
        pytest.skip("there is no other migration yet")
    with pytest.raises(ContractMismatch, match="the schema lacks 0002") as caught:
        migrate.check(transport)
    assert "hourhand migrate" in (caught.value.hint or "")


def test_a_run_that_was_claimed_before_is_finished_after(
    look: Connection, transport: PostgresTransport
) -> None:
    """The worker of the version before does not notice."""
    [(run_id, token)] = look.execute(
        "select id, token from hourhand.job_runs where status = 'processing'"
    ).fetchall()
    migrate.apply(transport)
    held = [{"id": run_id, "token": str(token)}]
    assert transport.call("beat", {"p_session": SESSION, "p_held": held, "p_lease": 30.0})["lost"] is False
    done = transport.call(
        "finish", {"p_session": SESSION, "p_results": [{**held[0], "outcome": "completed"}]}
    )
    assert [result["outcome"] for result in done["results"]] == ["ok"]


def test_nothing_is_lost_while_others_enqueue_and_claim(
    database_url: str, transport: PostgresTransport
) -> None:
    """Upgrading takes locks and replaces functions; whoever waits, is the victim of a deadlock, or calls one
    that is gone comes again.
    """
    stop, all_made, made, finished = threading.Event(), threading.Event(), list[int](), list[int]()

    def enqueuing() -> None:
        with Client(database_url) as client:
            while not stop.is_set():
                made.append(client.enqueue("t").id)
        all_made.set()

    def working() -> None:
        with closing(PostgresTransport(database_url, application_name="hourhand-tests")) as mine:
            hand = Hand(mine, ["t"], lease=60.0).open()
            runs, is_last = [], False
            while runs or not is_last:
                is_last = all_made.is_set()  # before the look
                runs = hand.runs(20)
                hand.finish(*runs)
                finished.extend(run["id"] for run in runs)

    with ThreadPoolExecutor() as pool:
        both = [pool.submit(enqueuing), pool.submit(working)]
        try:
            eventually(lambda: len(finished) > 50)
            migrate.apply(transport)
            after = len(finished)
            eventually(lambda: len(finished) > after + 50 or any(one.done() for one in both))
        finally:
            stop.set()
        for one in both:
            one.result(30)
    assert set(made) <= set(finished)
    assert len(finished) == len(set(finished))
    assert migrate.pending(transport) == ()
