"""What functions say about somebody else's text stays on one line: over HTTPS it stands in the answer's first."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

Sql = Callable[..., list[Any]]

NAME = "a\r\nset-cookie: b\x00".replace("\x00", "\x01") + "c" * 500
AS_JSON = json.dumps(NAME)

CALLS = {
    "pause_schedule": f'{{"p_schedule": {AS_JSON}}}',
    "get_schedule": f'{{"p_schedule": {AS_JSON}}}',
    "put_schedule": f'{{"p_schedule": {{"name": {AS_JSON}, "task": "t", "every": "1h"}}}}',
    "put_schedules": f'{{"p_schedules": [{{"name": {AS_JSON}, "task": "t", "every": "1h"}}]}}',
    "enqueue": f'{{"p_task": "t", "p_on_conflict": {AS_JSON}}}',
    "list_runs": f'{{"p_filter": {{"schedule": {AS_JSON}}}}}',
    "count_runs": f'{{"p_by": {AS_JSON}}}',
    "delete_user": f'{{"p_name": {AS_JSON}}}',
    "revoke_api_token": f'{{"p_name": {AS_JSON}}}',
    "delete_ping": f'{{"p_name": {AS_JSON}}}',
    "ping": f'{{"p_id": "00000000-0000-0000-0000-000000000000", "p_signal": {AS_JSON}}}',
    "list_items": f'{{"p_schedule": {AS_JSON}}}',
}


def said(sql: Sql, function: str, parameters: str) -> str:
    with pytest.raises(psycopg.Error) as caught:
        sql("select hourhand.act_as('tester', %s, %s)", function, parameters)
    assert (caught.value.sqlstate or "").startswith("PT"), caught.value
    return caught.value.diag.message_primary or ""


def test_a_message_stays_on_one_line(sql: Sql) -> None:
    for function, parameters in CALLS.items():
        message = said(sql, function, parameters)

        assert message.isprintable(), message
        assert "a set-cookie: b" in message
        assert len(message) < 500


def test_so_does_the_name_of_a_function(sql: Sql) -> None:
    assert said(sql, NAME, "{}").isprintable()


def test_a_field_that_is_none(sql: Sql) -> None:
    assert said(sql, "put_schedule", f'{{"p_schedule": {{{AS_JSON}: 1}}}}').isprintable()
