"""A call as SQL for psycopg, and how its answer is decoded."""

from collections.abc import Mapping
from functools import lru_cache

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.types.json import Jsonb, set_json_loads
from pydantic_core import from_json

from hourhand.transport import values


class _Adaptation:
    """psycopg's adapters, with JSON decoded by pydantic-core straight from the bytes received."""

    connection = None

    def __init__(self) -> None:
        self.adapters = AdaptersMap(psycopg.adapters)
        set_json_loads(from_json, self)


ADAPTATION = _Adaptation()


def statement(function: str, params: Mapping[str, object]) -> tuple[bytes, list[object]]:
    """The call as SQL, and its arguments. Raises BadInput for a value that cannot be sent."""
    written = values.written(function, params)
    arguments: list[object] = [
        Jsonb(value, dumps=bytes) if isinstance(value, bytes) else value for value in written.values()
    ]
    return _call(function, tuple(written)), arguments


@lru_cache(maxsize=512)
def _call(function: str, names: tuple[str, ...]) -> bytes:
    values.check_names(function, *names)
    return f"select hourhand.{function}({', '.join(f'{name} => %s' for name in names)})".encode()
