"""Login roles of a test: with a password that the server really asks for."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


@contextmanager
def guarded_role(url: str, password: str) -> Iterator[str]:
    """The name of a new role that has to give `password`, whichever rules the server has for others."""
    role = f"hourhand_test_{secrets.token_hex(4)}"
    rule = f"local all {role} scram-sha-256\nhost all {role} all scram-sha-256\n"
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute(f"create role {role} login password '{password}'".encode())
        _write_rules(superuser, rule + _rules(superuser))
        try:
            yield role
        finally:
            _write_rules(superuser, _rules(superuser).replace(rule, ""))
            superuser.execute(f"drop owned by {role}; drop role {role}".encode())


def _rules(superuser: psycopg.Connection) -> str:
    row = superuser.execute("select pg_read_file(current_setting('hba_file'))").fetchone()
    return str(row[0]) if row else ""


def _write_rules(superuser: psycopg.Connection, rules: str) -> None:
    with superuser.transaction():
        [file] = superuser.execute("select lo_from_bytea(0, convert_to(%s, 'UTF8'))", [rules]).fetchone() or [
            0
        ]
        superuser.execute("select lo_export(%s, current_setting('hba_file')), lo_unlink(%s)", [file, file])
    superuser.execute("select pg_reload_conf()")
