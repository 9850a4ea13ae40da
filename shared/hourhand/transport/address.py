"""The address of a database: what libpq is given, and what may be shown of it."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hourhand.errors import BadSetting

# A dead peer is noticed within about 25 seconds, before a lease of 30 seconds has passed.
DEFAULTS: dict[str, Any] = {
    "client_encoding": "UTF8",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "target_session_attrs": "read-write",
}

# What other programs write into an address for themselves: Prisma, asyncpg's users and Supabase's examples.
# No other unknown parameter is passed over: a misspelt sslmode must not be.
FOREIGN = frozenset(
    {
        "connection_limit",
        "pgbouncer",
        "pool_mode",
        "pool_timeout",
        "prepared_statements",
        "schema",
        "socket_timeout",
        "statement_cache_size",
        "supa",
        "workaround",
    }
)

HINT = (
    "Write postgresql://user:password@host:5432/database, and the characters @ : / ? # % & = in a password"
    " as %40 %3A %2F %3F %23 %25 %26 %3D. After a ? only libpq's parameters may stand."
)


@dataclass(frozen=True)
class Address:
    """`conninfo` is for libpq and holds the password; `where` is for messages and does not."""

    conninfo: str
    where: str


def parse(url: str, *, application_name: str, connect_timeout: int) -> Address:
    """The address of a URL (or libpq's key=value form); what the URL says wins over our defaults.

    Raises BadSetting without showing any of the URL: libpq's own message could quote the password.
    """
    given = _given(url)
    parameters = DEFAULTS | {"connect_timeout": connect_timeout} | given
    conninfo = make_conninfo("", **parameters | {"application_name": application_name})
    return Address(conninfo, _where(given))


def _given(url: str) -> dict[str, Any]:
    try:
        given = conninfo_to_dict(_without_foreign(url))
    except psycopg.ProgrammingError:
        raise _bad_address() from None
    ports = str(given.get("port") or "5432").split(",")
    # A password with a slash ends up in the port.
    if not url.strip() or not all(port.isdecimal() for port in ports):
        raise _bad_address()
    return given


def _without_foreign(url: str) -> str:
    """The address without the parameters that are not for libpq, which would refuse all of it."""
    address, mark, query = url.partition("?")
    if "://" not in address or not mark:
        return url
    kept = [pair for pair in query.split("&") if pair.partition("=")[0] not in FOREIGN]
    return f"{address}?{'&'.join(kept)}" if kept else address


def _bad_address() -> BadSetting:
    return BadSetting("DATABASE_URL is not the address of a Postgres database", HINT)


def _where(given: dict[str, Any]) -> str:
    host = given.get("host") or given.get("hostaddr") or "the local socket"
    port = f":{given['port']}" if given.get("port") else ""
    database = f"/{given['dbname']}" if given.get("dbname") else ""
    return f"postgres at {host}{port}{database}"
