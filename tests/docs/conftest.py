"""Runs in a database whose answers are compared with the reference."""

from collections.abc import Callable
from typing import Any

import pytest

Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def answer(sql: Sql) -> Callable[..., Any]:
    """The answer of one function: `answer("get_run", 1)`; dicts and lists go as jsonb."""
    from psycopg.types.json import Jsonb

    def answer(function: str, *values: object) -> Any:
        sent = [Jsonb(value) if isinstance(value, dict | list) else value for value in values]
        places = ", ".join("%s" for _ in values)
        return sql(f"select hourhand.{function}({places})", *sent)[0][0]

    return answer
