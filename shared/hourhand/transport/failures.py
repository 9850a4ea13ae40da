"""Errors of psycopg and the server, told once in hourhand's words.

The SQLSTATE decides the class of an error, its hint, and whether the call is repeated. A failed connection
attempt has none (libpq passes on only the text), so it is given the one that its text stands for.
"""

import re

import psycopg

from hourhand.errors import BadInput, TransportError
from hourhand.transport import sqlstates
from hourhand.transport.address import Address
from hourhand.transport.sqlstates import CANNOT_CONNECT, CONNECTION_LOST, is_ours, kind_of

# What the text of a failed connection attempt stands for. A server that does not speak English is not
# understood: then its own words are shown, and the attempt counts as one that may succeed later.
MEANINGS = (
    (r"password authentication failed|no password supplied|SASL authentication failed", "28P01"),
    (r'role ".*" does not exist|pg_hba\.conf|Tenant or user not found|no such user', "28000"),
    (r'database ".*" does not exist|no such database', "3D000"),
    (r"too many (clients|connections)|connection slots|no more connections|max client", "53300"),
    (r"starting up|shutting down|recovery mode|accepting connections", "57P03"),
    (r"session is read-only|hot standby mode", "25006"),
    (r"^connection (failed|is bad|timeout)|resolve host|translate host", CANNOT_CONNECT),
)

HINTS = sqlstates.HINTS | {
    "08001": "Check that Postgres is running there, and the host and port in DATABASE_URL.",
    "08006": "The server, a pooler or the network ended the connection or fell silent; its log may say why.",
    "28000": "Check the user in DATABASE_URL and the server's rules for it (?sslmode=require may be needed);"
    " behind Supabase's pooler its name is postgres.PROJECT.",
    "28P01": "Check the user and the password in DATABASE_URL.",
    "3D000": "Create this database, or correct its name in DATABASE_URL.",
    "42501": "Connect as the owner of the schema hourhand, or as a member of the role hourhand_worker (for"
    " the admin, users and tokens: hourhand_admin); `hourhand migrate` needs a role that may create schemas.",
}

_PREAMBLE = re.compile(
    r"^(connection failed: |connection is bad: |consuming input failed: |sending query failed: )?"
    r"(connection to server (at|on) .*? failed: )?(FATAL: +)?"
)


def translated(error: psycopg.Error, address: Address, doing: str) -> TransportError:
    """The error of a statement or of a connection attempt; `doing` is the function that was called.

    libpq quotes a password only when it cannot read an address, which `address.parse` keeps to itself.
    """
    sqlstate = _sqlstate(error)
    kind = kind_of(sqlstate)
    text = _text(error)
    if sqlstate and is_ours(sqlstate):
        return kind(text, error.diag.message_hint, sqlstate=sqlstate)
    hint = HINTS.get(sqlstate or "") or error.diag.message_hint
    if kind is BadInput:
        return kind(f"{doing}: {text}", hint, sqlstate=sqlstate)
    what = f"{doing}: {text}" if error.sqlstate else text
    return kind(f"{address.where}: {what}", hint, sqlstate=sqlstate)


def _sqlstate(error: psycopg.Error) -> str | None:
    if error.sqlstate:
        # A server that ends the connection ends it whatever the reason it gives.
        fatal = error.diag.severity_nonlocalized in ("FATAL", "PANIC")
        return CONNECTION_LOST if fatal and kind_of(error.sqlstate) is TransportError else error.sqlstate
    lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return meaning(str(error)) if lost else None


def meaning(text: str) -> str:
    """The SQLSTATE that the text of a connection failure stands for."""
    return next((code for pattern, code in MEANINGS if re.search(pattern, text, re.I)), CONNECTION_LOST)


def _text(error: psycopg.Error) -> str:
    if error.diag.message_primary:
        detail = error.diag.message_detail if (error.sqlstate or "").startswith("22") else None
        return f"{error.diag.message_primary} ({detail})" if detail else error.diag.message_primary
    first, *_ = str(error).splitlines() or [type(error).__name__]
    return _PREAMBLE.sub("", first)
