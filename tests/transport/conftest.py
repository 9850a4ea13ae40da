"""Functions in the schema hourhand that exist only to be called by these tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hourhand.transport.postgres import PostgresTransport
from tests.support.databases import Postgres
from tests.support.proxy import Proxy, proxy

PROBES = """
create sequence if not exists hourhand.tries;
alter sequence hourhand.tries restart;

create or replace function hourhand.echo(
  p_text text default 'unset', p_int int default null, p_bigint bigint default null, p_number numeric default null,
  p_float double precision default null, p_bool boolean default null, p_uuid uuid default null,
  p_at timestamptz default null, p_for interval default null, p_json jsonb default null
) returns jsonb language sql as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'text', p_text, 'int', p_int, 'bigint', p_bigint, 'number', p_number, 'float', p_float, 'bool', p_bool,
    'uuid', p_uuid, 'at', p_at at time zone 'UTC', 'for', extract(epoch from p_for), 'json', p_json))
$$;

create or replace function hourhand.fail(p_code text, p_times int default 1000000) returns jsonb language plpgsql as $$
begin
  if nextval('hourhand.tries') <= p_times then
    raise exception 'failed on purpose' using errcode = p_code, hint = 'Do something else.';
  end if;
  return '"done"';
end $$;

create or replace function hourhand.nap(p_seconds double precision, p_times int default 1000000)
returns jsonb language plpgsql as $$
begin
  if nextval('hourhand.tries') <= p_times then
    perform pg_sleep(p_seconds);
  end if;
  return '"awake"';
end $$;

create or replace function hourhand.count() returns jsonb language sql as $$
  select to_jsonb(nextval('hourhand.tries'))
$$;

create or replace function hourhand.backend() returns jsonb language sql as $$ select to_jsonb(pg_backend_pid()) $$;
"""


@pytest.fixture(scope="module")
def shared_database_url(postgres: Postgres, migrated: str) -> Iterator[str]:
    """One database for all tests of a module: they only call functions."""
    with postgres.database(template=migrated) as url:
        yield url


@pytest.fixture
def probes(transport: PostgresTransport) -> None:
    transport.execute(PROBES)


@pytest.fixture
def tries(probes: None, sql: Callable[..., Any]) -> Callable[[], int]:
    """How many times `fail`, `nap` or `count` has been tried."""
    return lambda: sql("select case when is_called then last_value else 0 end from hourhand.tries")[0][0]


@pytest.fixture
def network(database_url: str) -> Iterator[Proxy]:
    with proxy(database_url) as it:
        yield it


@pytest.fixture
def distant(network: Proxy) -> Iterator[PostgresTransport]:
    """A transport through the proxy `network`."""
    transport = PostgresTransport(network.url, application_name="distant", patience=5.0, answer_within=1.0)
    yield transport
    transport.close()
