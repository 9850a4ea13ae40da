"""Functions that can be stopped before each of their statements, as only a test needs it.

In a database of a test every PL/pgSQL function gets an `assert` before each statement, which is true and changes
nothing, not even FOUND. On a connection that was told `set steps.stop = n`, the n-th waits for an advisory lock.
"""

import re
from collections.abc import Iterator

import psycopg

_PREPARE = """
create schema steps;
create sequence steps.taken;
create function steps.step() returns boolean language plpgsql set lock_timeout = 0 as $$
begin
  if nullif(current_setting('steps.stop', true), '') is not null
    and nextval('steps.taken') = current_setting('steps.stop')::bigint then
    perform pg_advisory_lock_shared(0, 0), pg_advisory_unlock_shared(0, 0);
  end if;
  return true;
end
$$;
"""
_FUNCTIONS = """
select pg_get_functiondef(p.oid), p.prosrc
from pg_proc p
where p.pronamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace) and p.provolatile <> 'i'
  and p.prolang = (select oid from pg_language where lanname = 'plpgsql')
"""
STEP = "assert steps.step(); "

_TOKENS = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\w+|\s+|.", re.DOTALL)
_TOUCHES = re.compile(r"hourhand|select|insert|update|delete|execute", re.IGNORECASE)
_UNTIL = {"if": "then", "case": "then", "for": "loop", "foreach": "loop", "while": "loop"}
"""Where a statement ends, or the part of it that comes before others; else at a semicolon."""
_BETWEEN = {"declare": "begin", "begin": "", "loop": "", "else": "", "exception": "", "elsif": "then", "when": "then",
            "end": ";"}  # fmt: skip
"""Words where a statement could begin but none does, and what comes before the next one."""


def stepped(body: str) -> str:
    """The body of a function with a step before each of its statements that sees or changes the database."""
    return "".join(_stepped(body))


def _stepped(body: str) -> Iterator[str]:
    part: list[str] = []
    until, steps, inside = "begin", False, 0  # `inside`: parentheses and CASE expressions
    for token in _TOKENS.findall(body):
        word = token.lower()
        if not until and not (token.isspace() or token.startswith("--")):
            steps = word not in _BETWEEN
            until = _UNTIL.get(word, ";") if steps else _BETWEEN[word]
        elif not inside and word == until:
            until = ""
        else:
            inside += (word in ("(", "case")) - (word in (")", "end"))
        part.append(token)
        if not until:
            text = "".join(part)
            yield STEP + text if steps and _TOUCHES.search(text) else text
            part, steps = [], False
    yield "".join(part)


def make_stepped(connection: psycopg.Connection[tuple[str, str]]) -> None:
    """All functions of this database."""
    connection.execute(_PREPARE)
    for definition, body in connection.execute(_FUNCTIONS).fetchall():
        connection.execute(definition.replace(body, stepped(body)).encode())


def mutate(connection: psycopg.Connection[tuple[str]], function: str, pattern: str, other: str) -> None:
    """Let this function be wrong: what is like this pattern becomes the other."""
    query = "select pg_get_functiondef(oid) from pg_proc where proname = %s"
    ((definition,),) = connection.execute(query, [function]).fetchall()
    changed, count = re.subn(pattern, other, definition, flags=re.DOTALL)
    assert count, f"{function} is not like this"
    connection.execute(changed.encode())
