"""Values on their way into a call, and its answer on the way out."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from pydantic_core import from_json, to_json

from hourhand.errors import BadInput


class _Adaptation:
    """psycopg's adapters with JSON spoken by pydantic-core, straight from and to bytes."""

    connection = None

    def __init__(self) -> None:
        self.adapters = AdaptersMap(psycopg.adapters)
        set_json_dumps(to_json, self)
        set_json_loads(from_json, self)


ADAPTATION = _Adaptation()


def statement(function: str, params: Mapping[str, object]) -> tuple[bytes, list[Any]]:
    """The call as SQL, and its arguments."""
    given = {name: value for name, value in params.items() if value is not None}
    return _call(function, tuple(given)), [_argument(name, value) for name, value in given.items()]


@lru_cache(maxsize=512)
def _call(function: str, names: tuple[str, ...]) -> bytes:
    for name in (function, *names):
        if not (name.isidentifier() and name.isascii()):
            raise BadInput(f"{name!r} cannot be the name of a function or parameter")
    return f"select hourhand.{function}({', '.join(f'{name} => %s' for name in names)})".encode()


def _argument(name: str, value: object) -> object:
    # Text of unknown type takes the type of the parameter, whichever that is: a Python int would be
    # sent as the smallest integer type, and no function is found for `bigint` where it takes `int`.
    match value:
        case dict() | list() | tuple():
            return Jsonb(value)
        case bool():
            return "true" if value else "false"
        case timedelta():
            return f"{value.total_seconds():.6f} seconds"
        case datetime() if value.tzinfo is None:
            raise BadInput(f"{name}: the time {value} has no time zone")
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
