"""Everyone without the key × everything there is, through a real PostgREST: refused, and nothing has changed.

The schema of the partitions is exposed too, which nobody should do.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.security.conftest import Sql
from tests.support.databases import Postgres
from tests.support.postgrest import OWNER, PostgREST, postgrest, token, unsigned_token

REFUSED = {401, 403, 404}
ADMIN = {"hourhand_role": "admin", "role": "service_role"}

STRANGERS = {
    "no key": None,
    "the public key": token("anon"),
    "a user": token("authenticated", sub="u1"),
    "a user who says to be an admin": token(
        "authenticated", sub="u2", user_metadata=ADMIN, hourhand_role="admin", raw_app_meta_data=ADMIN
    ),
    "the service key, expired": token("service_role", expires_in=-3600),
    "the service key, signed by somebody else": token(
        "service_role", secret="another secret, long enough for HS256"
    ),
    "the service key, not signed": unsigned_token("service_role"),
    "a key without role": token(None),
    "a key for the worker's role": token("hourhand_worker"),
    "a key for the owner": token(OWNER),
    "rubbish": "rubbish",
    "a viewer where viewers are not let in": token("authenticated", app_metadata={"hourhand_role": "viewer"}),
}

VIEWER = token("authenticated", sub="u3", app_metadata={"hourhand_role": "viewer"})


@dataclass(frozen=True)
class Thing:
    """A table, a partition or a function, and what can be asked of it."""

    schema: str
    name: str
    kind: str
    body: dict[str, Any]

    @property
    def requests(self) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
        if self.kind == "function":
            yield "POST", f"rpc/{self.name}", self.body
            return
        column = next(iter(self.body))
        yield "GET", f"{self.name}?limit=1", None
        yield "POST", self.name, {}
        yield "PATCH", f"{self.name}?{column}=not.is.null", self.body
        yield "DELETE", f"{self.name}?{column}=not.is.null", None


VALUES = {"jsonb": {}, "bigint": 1, "integer": 1, "double precision": 1, "boolean": True, "interval": "1 h"}
UUID = "11111111-1111-4111-8111-111111111111"


def everything(sql: Sql) -> list[Thing]:
    tables = sql(
        "select relnamespace::regnamespace::text, relname::text, 'table', (select attname::text from pg_attribute where attrelid = c.oid and attnum = 1)"
        " from pg_class c where relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace) and relkind in ('r', 'p')"
    )
    functions = sql(
        "select pronamespace::regnamespace::text, proname::text, coalesce(proargnames[1:pronargs], '{}'), proargtypes::regtype[]::text[], pronargs - pronargdefaults"
        " from pg_proc where pronamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)"
    )
    return [
        *(Thing(schema, name, kind, {column: None}) for schema, name, kind, column in tables),
        *(
            Thing(schema, name, "function", dict(zip(names[:needed], map(_value, types), strict=False)))
            for schema, name, names, types, needed in functions
        ),
    ]


def _value(kind: str) -> Any:
    return UUID if kind == "uuid" else VALUES.get(kind, "x")


def checksum(sql: Sql) -> str:
    """Of every row and every number given out, and of all rights."""
    parts = [
        "(select coalesce(md5(string_agg(t::text, '|' order by t::text)), '-')"
        f" from (select {'last_value' if kind == 'S' else '*'} from {name}) t)"
        for name, kind in sql(
            "select c.oid::regclass::text, relkind::text from pg_class c where relkind in ('r', 'S')"
            " and relnamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace) order by 1"
        )
    ]
    rights = "(select md5(string_agg(relname || coalesce(relacl::text, ''), '|' order by relname)) from pg_class where relname !~ '^pg_toast')"
    return str(sql(f"select md5({' || '.join([*parts, rights])})")[0][0])


@pytest.fixture(scope="module")
def rest(postgres: Postgres, project: str) -> Iterator[PostgREST]:
    with (
        postgres.database(template=project) as url,
        postgrest(url, PGRST_DB_SCHEMAS="hourhand,hourhand_parts") as it,
    ):
        _fill(url)
        yield it


@pytest.fixture
def database_url(rest: PostgREST) -> str:
    return rest.database_url


def _fill(url: str) -> None:
    """Something to take in most tables."""
    with psycopg.connect(url) as connection:
        connection.execute(
            'select hourhand.put_schedule(\'{"name": "x", "task": "t", "every": "1h"}\'), hourhand.enqueue(\'t\', p_key => \'k\'),'
            " hourhand.trigger_schedule('x'), hourhand.pause_queue('x'),"
            f" hourhand.open_session('{UUID}', 'worker', 'w', p_lease => 30, p_tasks => '[{{\"name\": \"t\"}}]'),"
            f" hourhand.claim('{UUID}', gen_random_uuid(), 1, '[\"t\"]')"
        )


def walk(rest: PostgREST, things: list[Thing], key: str | None) -> Iterator[tuple[Thing, str, int, Any]]:
    for thing in things:
        for method, path, body in thing.requests:
            status, answer = rest.request(path, body, key=key, method=method, schema=thing.schema)
            yield thing, method, status, answer


def test_nobody_without_the_key_gets_in(rest: PostgREST, sql: Sql, record_property: Any) -> None:
    things = everything(sql)
    before = checksum(sql)
    counts: dict[str, Counter[int]] = {}
    for who, key in STRANGERS.items():
        counts[who] = Counter(status for _, _, status, _ in walk(rest, things, key))
    told = [f"{who}: {dict(count)}" for who, count in counts.items()]
    kinds = Counter((thing.schema, thing.kind) for thing in things)
    print(f"\n{dict(kinds)}", *told, f"requests: {sum(count.total() for count in counts.values())}", sep="\n")
    record_property("matrix", told)
    assert [line for line, count in zip(told, counts.values(), strict=True) if count.keys() - REFUSED] == []
    # What PostgREST does not know at all would prove nothing: functions of triggers, or of whole rows.
    assert all(count[404] < count.total() / 4 for count in counts.values())
    assert checksum(sql) == before


def test_a_viewer_reads_what_is_listed_and_changes_nothing(rest: PostgREST, sql: Sql) -> None:
    sql("select hourhand_parts.allow_viewers()")
    try:
        things = everything(sql)
        before = checksum(sql)
        read = {}
        for thing, method, status, answer in walk(rest, things, VIEWER):
            if status == 200 and method == "GET":
                read[thing.name] = len(answer)
            else:
                assert status in REFUSED, (thing, method, status)
        assert set(read) == {
            "scheduled_jobs", "schedule_items", "schedule_firings", "job_runs", "job_run_attempts", "job_run_logs",
            "services", "tasks", "queues",
        }  # fmt: skip
        assert read["scheduled_jobs"] == read["job_runs"] == read["services"] == 1
        for who, key in STRANGERS.items():
            if key != STRANGERS["a viewer where viewers are not let in"]:
                for thing, method, status, answer in walk(rest, things, key):
                    nothing = (
                        status == 200 and method == "GET" and answer == []
                    )  # the door is open, the rows are hidden
                    assert status in REFUSED or nothing, (who, thing, method, status, answer)
        assert checksum(sql) == before
    finally:
        sql("select hourhand_parts.allow_viewers(false)")
    assert rest.request("scheduled_jobs", key=VIEWER)[0] == 403


def test_the_service_key_goes_through_functions(rest: PostgREST, sql: Sql) -> None:
    """It reads all tables and calls all functions; rows change by functions only, but for what may be inserted."""
    things = [thing for thing in everything(sql) if thing.kind == "table"]
    done = {
        (thing.name, method)
        for thing, method, status, _ in walk(rest, things, rest.key)
        if status not in REFUSED
    }
    assert {name for name, method in done if method == "GET"} == {
        thing.name for thing in things if thing.schema == "hourhand"
    }
    assert {each for each in done if each[1] != "GET"} == {
        ("scheduled_jobs", "POST"),
        ("scheduled_jobs", "PATCH"),
        ("job_runs", "POST"),
    }


def test_the_matrix_would_notice_an_open_door(rest: PostgREST, sql: Sql) -> None:
    sql("grant usage on schema hourhand to anon; grant execute on function hourhand.pause_queue to anon")
    try:
        assert rest.request("rpc/pause_queue", {"p_queue": "x"})[0] == 200
        [opened] = [each for each in everything(sql) if each.name == "pause_queue"]
        assert [status for *_, status, _ in walk(rest, [opened], None)] == [200]
    finally:
        sql("select hourhand.ensure_partitions()")
    assert rest.request("rpc/pause_queue", {"p_queue": "x"})[0] == 401
