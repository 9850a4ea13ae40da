"""What people may send to the pages by mistake or on purpose, and rows that should not be there: nothing breaks."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from hourhand_admin.terminal.schema import refused
from hourhand_admin.web.access.forms import FIELD, SAFE, form_token
from tests.admin.house import House, Person
from tests.admin.test_browser_pages import LISTS
from tests.admin.test_events import write
from tests.admin.test_routes import PINGS, requests
from tests.sql.conftest import Hand

Sql = Callable[..., list[Any]]
Hands = Callable[..., Hand]
Enqueue = Callable[..., int]

FIELDS = (
    "action", "anchor", "at", "burst", "catch_up", "chosen.ids", "chosen.status", "concurrency", "cron", "every",
    "exclude", "expires", "from", "id", "ids", "item", "kind", "mine", "name", "next", "note", "old", "owner",
    "password", "payload", "payload.url", "payload_as", "queue", "rank", "rank_intervals", "rate", "reason",
    "request_id", "role", "run_at", "starts_at", "step", "task", "theme", "timezone", "to", "until", "updated_at",
    "version", "zone",
)  # fmt: skip
"""The names that fields of forms have."""

VALUES: dict[str, str] = {
    "NUL": "\0",
    "NUL in JSON": '{"a": "\\u0000"}',
    "NaN": "NaN",
    "NaN in JSON": '{"a": NaN}',
    "a number without end": "1e999",
    "an integer without end": "9" * 5000,
    "half a surrogate pair": '{"a": "\\ud800"}',
    "nested deeply": "[" * 20_000 + "]" * 20_000,
    "a header": "a\r\nSet-Cookie: forged=1\r\n\r\n<html>",
    "another site": "//evil.example/\\",
    "a path": "../../../../etc/passwd",
    "a template": "{{ 7 * 7 }}${7*7}%s%(x)s",
    "SQL": "'; drop table hourhand.job_runs; --",
}


def forms(house: House) -> list[str]:
    """The paths that take a form, with 1 for each parameter."""
    return [
        path
        for method, path, _ in requests(house.app)
        if method not in SAFE and not path.startswith(("/api/", PINGS, "/trigger", "/logout", "/login"))
    ]


@pytest.fixture
def lived_in(house: House, add_schedule: Callable[..., int], enqueue: Enqueue, hand: Hands) -> House:
    add_schedule("1")
    enqueue()
    worker = hand("task")
    worker.finish(*worker.runs())
    return house


def test_no_form_breaks_at_a_value_that_is_odd(lived_in: House) -> None:
    person = lived_in.person("admin")
    tried = forms(lived_in)
    assert len(tried) >= 20
    for path in tried:
        for what, value in VALUES.items():
            answer = person.post(path, **dict.fromkeys(FIELDS, value))
            assert answer.status_code < 500, (path, what, answer.text[:500])
            assert "forged" not in answer.headers.get("set-cookie", "")
            assert not answer.headers.get("location", "/").startswith(("//", "http")), (path, what)


def test_no_form_breaks_at_a_body_that_is_no_form(lived_in: House) -> None:
    person = lived_in.person("admin")
    token = form_token(person.login)
    bodies: list[dict[str, Any]] = [
        {
            "data": {FIELD: token},
            "files": dict.fromkeys(("name", "payload"), ("../../x\r\n.html", b"\x00\xff")),
        },
        {"content": f"{FIELD}={token}&name=%ff%fe&task=%00&payload=%ed%a0%80&%=&=&&".encode()},
        {"content": f"{FIELD}={token}".encode() + b"&name=x" * 1500},
        {"content": f"{FIELD}={token}&name=".encode() + b"x" * 200_000},
    ]
    for body in bodies:
        kind = {} if "files" in body else {"content-type": "application/x-www-form-urlencoded"}
        for path in forms(lived_in):
            answer = person.http.post(path, **body, headers=kind)
            assert answer.status_code < 500, (path, answer.text[:500])


def test_a_log_is_looked_for_in_the_database_and_in_no_directory(lived_in: House) -> None:
    person = lived_in.person("admin")
    for name in ("..%2f..%2f..%2fetc%2fpasswd", "1%2f..%2f..", "%00", "1%00", "%2e%2e", "-1", "1e3", "１"):
        for tail in ("", "/log.txt", "/lines"):
            answer = person.get(f"/runs/{name}{tail}")
            assert answer.status_code in (404, 422), (name, tail)
            assert "root:" not in answer.text
    for after in ("../x", "-1", "1;", "9" * 30):
        assert person.get("/runs/1/lines", after=after).status_code == 422


def test_a_line_of_a_log_cannot_look_like_another(lived_in: House, enqueue: Enqueue, hand: Hands) -> None:
    run_id, worker = enqueue("other"), hand("other")
    [run] = worker.runs()
    forged = "2026-11-22T06:00:00+00:00 1 ERROR forged"
    write(lived_in.transport, worker, run, f"one\n{forged}\r{forged}\x1b[2J\u2028{forged}\u202e", "two")
    told = lived_in.person("viewer").get(f"/runs/{run_id}/log.txt").text
    assert [line for line in told.split("\n") if line.startswith(forged)] == []
    assert not set(told) & set("\r\x1b\u2028\u202e")
    assert len([line for line in told.split("\n") if line.startswith("2026")]) == 2
    shown = lived_in.person("viewer").get(f"/runs/{run_id}/lines").text
    assert shown.count("<span") == 2


MORE = (
    "/runs/1", "/schedules/1", "/runs.csv", "/schedule/1/versions", "/schedule/1/edit", "/schedule/new?task=odd",
    "/schedule/new?task=odder", "/schedule/new?task=oddest", "/runs/1/log.txt", "/metrics", "/api/v1/runs",
    "/api/v1/schedules", "/api/v1/services", "/api/v1/tasks", "/api/v1/queues",
)  # fmt: skip
ODD_ROWS = (
    "update hourhand.scheduled_jobs set timezone = 'Nowhere/City', cron = '61 x', every = null, tags = '{\"\",<b>}'",
    "alter table hourhand.scheduled_jobs drop constraint times_are_in_range",
    "update hourhand.scheduled_jobs set last_run_at = 'infinity', updated_at = '-infinity', exclude = '[1, null]'",
    "insert into hourhand.job_runs (schedule_id, task, payload, queue, status, run_at, claim_at, max_attempts, timeout,"
    " trigger, error, result, progress, scheduled_for, created_at, finished_at, started_at) values"
    " (999, 't', '[[]]', 'q', 'failed', '0044-03-15 BC', '0044-03-15 BC', 1, '100 years', 'what', null, '\"\\u202e\"', '[]',"
    " '9998-12-31', '0044-03-15 BC', '9998-12-31', '0044-03-15 BC')",
    "insert into hourhand.job_run_attempts (run_id, attempt, token, outcome, ended_at, duration_ms, error_class, message)"
    " values (1, -1, gen_random_uuid(), 'lost', '9998-12-31', 'NaN', E'\\x01', null),"
    " (888, 1, gen_random_uuid(), 'failed', now(), 'Infinity', null, null)",
    "insert into hourhand.job_run_logs (run_id, attempt, seq, at, level, message) values (1, -1, -1, '9998-12-31', '', '')",
    "insert into hourhand.schedule_firings (schedule_id, scheduled_for, scheduled_until, count, decision, run_id, decided_at,"
    " lag_ms) values (1, '9998-12-31', '0044-03-15 BC', 9223372036854775807, 'missed', 777, '0044-03-15 BC', -1),"
    " (999, now(), null, 1, 'fired', 1, now(), 9223372036854775807)",
    "insert into hourhand.services (id, kind, name, host, pid, version, lease, lease_until, started_at, beat_at, tasks, stats)"
    " values (gen_random_uuid(), 'worker', '', '', -1, '', 1e300, '9998-12-31', '0044-03-15 BC', '9998-12-31',"
    " '[{\"name\": \"t\"}, \"u\"]', '{\"a\": [1, {}], \"b\": null}')",
    "insert into hourhand.tasks (name, schema, queue, first_seen_at, last_seen_at) values"
    " ('odd', '[\"no schema\"]', '', now(), '9998-12-31'), ('odder', '{\"properties\": 1, \"type\": {}}', 'q', now(), now()),"
    " ('oddest', '{\"required\": [\"a\"], \"properties\": {\"a\": true, \"b\": {\"$ref\": \"http://127.0.0.1:1/x\"}, \"c\":"
    " {\"type\": [\"string\", \"null\"], \"default\": {}, \"enum\": [null, {}]}}}', 'q', now(), now())",
    "insert into hourhand.queues (name, paused_at, pause_note, updated_at) values ('q', '9998-12-31', E'\\x01', now())",
    "insert into hourhand.audit_log (at, actor, action, subject, before, after) values"
    " ('9998-12-31', '', 'what.is.this', '', '[1]', '\"text\"'), (now(), E'a\\x01b', '', 'x', 'null', null)",
)  # fmt: skip


def test_a_row_that_should_not_be_there_breaks_no_page(lived_in: House, sql: Sql) -> None:
    """Somebody has written it past the functions; the other rows are shown all the same."""
    sql("set session_replication_role = replica")
    person = lived_in.person("admin")
    broken = []
    for row in ODD_ROWS:
        sql(row)
        for path in (*LISTS, *MORE):
            if (answer := person.get(path)).status_code >= 500:
                broken.append((row, path, answer.text[:300]))
                person.http.close()
                person = lived_in.person("admin")
    assert broken == []
    assert ">1</a>" in person.get("/runs").text


def test_nothing_is_fetched_from_where_a_schema_points() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ear:
        ear.settimeout(0.2)
        address = f"http://127.0.0.1:{ear.getsockname()[1]}/schema"
        assert refused({"properties": {"a": {"$ref": address}}}, {"a": 1}) == []
        with pytest.raises(TimeoutError):
            ear.accept()


def test_a_name_reaches_no_header_as_it_is(house: House) -> None:
    person: Person = house.person("operator")
    name = 'a"b;c/../é?x=1&y#z <b>'
    made = person.post("/schedule/new", step="save", name=name, task="t", kind="every", every="1h")
    assert made.status_code == 303
    assert made.headers["location"].isascii()
    assert person.get(made.headers["location"]).status_code == 200
    refused = person.post("/schedule/new", step="save", name="a\r\nb: c", task="t", kind="every", every="1h")
    assert refused.status_code == 422
