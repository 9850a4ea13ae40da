"""Values on their way into a call, and its answer on the way out."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.types.json import Jsonb, set_json_loads
from pydantic_core import from_json, to_json

from hourhand.errors import BadInput


class _Adaptation:
    """psycopg's adapters, with JSON decoded by pydantic-core straight from the bytes received."""

    connection = None

    def __init__(self) -> None:
        self.adapters = AdaptersMap(psycopg.adapters)
        set_json_loads(from_json, self)


ADAPTATION = _Adaptation()


def statement(function: str, params: Mapping[str, object]) -> tuple[bytes, list[object]]:
    """The call as SQL, and its arguments. Raises BadInput for a value that cannot be sent."""
    given = {name: value for name, value in params.items() if value is not None}
    arguments = [_argument(f"{function}, {name}", value) for name, value in given.items()]
    return _call(function, tuple(given)), arguments


@lru_cache(maxsize=512)
def _call(function: str, names: tuple[str, ...]) -> bytes:
    for name in (function, *names):
        if not (name.isidentifier() and name.isascii()):
            raise BadInput(f"{name!r} cannot be the name of a function or parameter")
    return f"select hourhand.{function}({', '.join(f'{name} => %s' for name in names)})".encode()


def _argument(what: str, value: object) -> object:
    # Text of unknown type takes the type of the parameter, whichever that is: a Python int would be
    # sent as the smallest integer type, and no function is found for `bigint` where it takes `int`.
    match value:
        case dict() | list() | tuple():
            return Jsonb(_json(what, value), dumps=bytes)
        case bool():
            return "true" if value else "false"
        case timedelta():
            return f"{value.total_seconds():.6f} seconds"
        case datetime() if value.tzinfo is None:
            raise BadInput(f"{what}: the time {value} has no time zone")
        case datetime():
            return value.isoformat()
        case _:
            return _text(what, str(value))


def _text(what: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"{what}: cannot be written as UTF-8: {error.reason}") from error
    if "\0" in text:
        raise BadInput(f"{what}: Postgres cannot store a NUL character")
    return text


def _json(what: str, value: object) -> bytes:
    try:
        return to_json(value, timedelta_mode="float")
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{what}: cannot be written as JSON: {error}") from error
