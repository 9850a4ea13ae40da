"""What a program may send by mistake or on purpose: it is refused in words, and nothing breaks."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from tests.admin.house import House, Program

WRITES = (
    ("POST", "/api/v1/runs"),
    ("POST", "/api/v1/schedules"),
    ("POST", "/api/v1/schedules/preview"),
    ("PATCH", "/api/v1/schedules/1"),
    ("POST", "/api/v1/schedules/1/trigger"),
    ("POST", "/api/v1/schedules/1/pause"),
    ("POST", "/api/v1/schedules/1/backfill"),
    ("POST", "/api/v1/runs/1/retry"),
    ("POST", "/api/v1/runs/1/cancel"),
    ("POST", "/api/v1/runs/1/token"),
    ("POST", "/api/v1/queues/1/pause"),
    ("POST", "/api/v1/queues/1/limit"),
    ("POST", "/trigger"),
)
"""Every route that reads a body."""

ENDLESS = ("/api/v1/events", "/jobs/stream/{run_id}")
"""test_events.py is about them."""

CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance]
LITTLE = settings(
    max_examples=12,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def api(house: House) -> Program:
    return house.program("admin")


def send(api: Program, method: str, path: str, body: bytes, kind: str = "application/json") -> Any:
    answer = api.ask(method, path, content=body, headers={"content-type": kind, "if-match": "*"})
    assert 400 <= answer.status_code < 500, (method, path, answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer


BODIES: dict[str, bytes] = {
    "nothing that is JSON": b"{",
    "not UTF-8": b'{"task": "\xff\xfe"}',
    "UTF-16": '{"task": "t"}'.encode("utf-16"),
    "NaN": b'{"task": "t", "payload": {"a": NaN}}',
    "infinity": b'{"task": "t", "payload": {"a": -Infinity}}',
    "a number without end": b'{"task": "t", "payload": {"a": 1e999}}',
    "an integer without end": b'{"task": "t", "payload": {"a": ' + b"9" * 5000 + b"}}",
    "NUL": b'{"task": "t\\u0000", "payload": {"a": "\\u0000"}}',
    "NUL in a name": b'{"task": "t", "payload": {"\\u0000": 1}}',
    "half a surrogate pair": b'{"task": "t", "payload": {"a": "\\ud800"}}',
    "nested deeply": b'{"task": "t", "payload": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "a list": b"[1]",
    "a text": b'"text"',
    "a field nobody knows": b'{"nobody": 1}',
}


def test_no_route_breaks_at_a_body_that_is_odd(api: Program) -> None:
    for what, body in BODIES.items():
        for method, path in WRITES:
            assert send(api, method, path, body).json()["detail"], what


def test_what_only_the_database_refuses_is_refused_too(api: Program) -> None:
    def enqueue(**fields: Any) -> int:
        return api.ask("POST", "/api/v1/runs", json={"task": "t", **fields}).status_code

    nested: Any = {}
    for _ in range(80):
        nested = {"a": nested}
    assert enqueue(payload=nested) == 422
    assert enqueue(payload={"a": "x" * 300_000}) == 422
    assert enqueue(payload={"a": int("9" * 320)}) == 422
    assert enqueue(task="a\nb") == 422
    assert enqueue(queue="\x07") == 422
    assert enqueue(run_at="0001-01-01T00:00:00Z") == 422
    assert enqueue(run_at="9999-12-31T23:59:59Z") == 422
    assert enqueue(timeout=1e308) == 422
    assert enqueue(parent_id=2**63) == 422
    assert enqueue(payload={"a": 1e300}) == 201


def test_a_body_has_to_say_that_it_is_json(api: Program) -> None:
    for method, path in WRITES:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
            assert send(api, method, path, b'{"task": "t"}', kind).status_code == 415, (path, kind)


def test_a_body_that_is_too_large_is_refused(api: Program) -> None:
    body = json.dumps({"task": "t", "payload": {"a": "x" * 2_000_000}}).encode()
    for method, path in WRITES:
        assert send(api, method, path, body).status_code == 413, path


def test_a_body_that_never_says_how_large_it_is_is_refused_when_it_is(api: Program) -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"task": "'
        for _ in range(40):
            yield b"x" * 65_536

    answer = api.http.post("/api/v1/runs", content=endless(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_a_body_that_never_comes_to_its_end_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourhand_admin.web.limit.WITHIN", 0.2)
    host, port = house.url.removeprefix("http://").split(":")
    for path, kind in (("/login", "application/x-www-form-urlencoded"), ("/trigger", "application/json")):
        with socket.create_connection((host, int(port)), timeout=30) as slow:
            head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: 9\r\n\r\n{{"
            slow.sendall(head.encode())
            assert slow.recv(1000).startswith(b"HTTP/1.1 408 "), path


def test_what_the_framework_refuses_is_a_problem_too(api: Program) -> None:
    for method, path, status in (
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/runs", 405),
        ("DELETE", "/api/v1/runs/1", 405),
        ("GET", "/api/v1/runs/x", 422),
        ("GET", "/api/v1/runs?limit=0", 422),
        ("GET", "/api/v1/runs?limit=many", 422),
        ("GET", "/api/v1/runs?status=done", 422),
        ("GET", "/api/v1/runs?cursor=%00", 422),
        ("GET", "/api/v1/runs?cursor=eA==", 422),
        ("GET", "/api/v1/runs?cursor=😀", 422),
        ("GET", "/api/v1/schedules?cursor=AA==", 422),
        ("GET", "/api/v1/runs?task=%00", 422),
        ("GET", "/api/v1/runs?since=yesterday", 422),
        ("GET", "/api/v1/runs?taks=news", 422),
        ("GET", "/api/v1/events?rnu=12", 422),
        ("POST", "/api/v1/runs/1/cancel?dry_run=true", 422),
        ("GET", "/api/v1/runs/99999999999999999999", 422),
        ("GET", "/api/v1/schedules/%00", 422),
        ("GET", "/api/v1/schedules/a%0d%0ab", 404),
        ("GET", f"/api/v1/schedules/{'x' * 300}", 422),
    ):
        answer = api.ask(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
            path
        )
        assert answer.json()["status"] == status


def test_a_parameter_that_is_misspelt_is_named_with_those_that_are_known(api: Program) -> None:
    told = "query.taks: there is no such parameter here, but search, state, task, tag, limit, cursor"
    assert api.ask("GET", "/api/v1/schedules?tag=a&taks=b").json()["detail"] == told
    told = "query.payload: there is no such parameter here, but none"
    assert api.ask("POST", "/api/v1/schedules/news/trigger?payload={}").json()["detail"] == told


def test_no_answer_has_a_header_that_somebody_smuggled_in(api: Program) -> None:
    """A schedule's name is in no header, and a key with a line break is no header."""
    made = api.ask("POST", "/api/v1/schedules", json={"name": "a/b?c#d é", "task": "t", "every": 60})
    assert made.status_code == 201
    assert made.headers["location"] == f"/api/v1/schedules/{made.json()['id']}"
    split = urlsplit(str(api.http.base_url))
    with socket.create_connection((split.hostname or "", split.port or 0), timeout=10) as wire:
        wire.sendall(
            b"POST /api/v1/runs HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a\x00b\r\n"
            b"Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        )
        assert wire.recv(100).split()[1] in (b"400", b"401", b"422")


def test_a_token_in_an_address_is_never_logged(
    house: House, enqueue: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    from hourhand import log

    run_id = enqueue()
    made = house.program("viewer").ask("POST", f"/api/v1/runs/{run_id}/token").json()["token"]
    nobody = house.program(None)

    def broken() -> None:
        raise RuntimeError("broken")

    house.app.add_api_route("/broken", broken)
    with log.captured() as lines:
        for path in (f"/api/v1/runs/{run_id}", "/api/v1/runs/x", "/broken"):  # which closes its connection
            nobody.ask("GET", f"{path}?token={made}")
    assert "/broken" in str(lines)
    assert made not in str(lines)
    assert made not in "".join(capfd.readouterr())


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fits", "does not fit"]
)
def test_nothing_made_up_from_the_description_breaks_the_api(
    house: House, add_schedule: Any, hand: Any, mode: GenerationMode
) -> None:
    """schemathesis makes up requests that fit /openapi.json, and some that do not."""
    add_schedule("news", tags=["a"])
    hand(schema={"type": "object"})
    program = house.program("admin")
    headers = {"authorization": program.http.headers["authorization"]}
    schema = schemathesis.openapi.from_url(f"{house.url}/openapi.json")
    tried = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in ENDLESS:
            continue

        @LITTLE
        @given(case=operation.as_strategy(generation_mode=mode))
        def attempt(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS, timeout=20)

        try:
            attempt()
        except Unsatisfiable:  # nothing can be wrong about it
            continue
        tried.append(operation.label)
    assert len(tried) >= (30 if mode is GenerationMode.POSITIVE else 15)
