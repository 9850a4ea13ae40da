"""`hourhand health`: what probes ask."""

import socket
import uuid
from collections.abc import Callable
from typing import Any

from hourhand.transport.postgres import PostgresTransport
from tests.cli.conftest import Hourhand

Sql = Callable[..., list[Any]]


def serve(transport: PostgresTransport, kind: str, *, name: str = "one", host: str | None = None) -> str:
    session = str(uuid.uuid4())
    transport.call(
        "open_session",
        {
            "p_session": session,
            "p_kind": kind,
            "p_name": name,
            "p_host": host or socket.gethostname(),
            "p_pid": 1,
            "p_version": "0",
            "p_lease": 30.0,
        },
    )
    return session


def test_a_service_that_keeps_its_lease_is_healthy(hourhand: Hourhand, transport: PostgresTransport) -> None:
    serve(transport, "worker", name="mail")

    done = hourhand("health", "--service", "worker")

    assert (done.code, done.out) == (0, f"1 worker alive on {socket.gethostname()}: mail\n")
    assert hourhand("health", "--service", "worker", "--name", "mail").code == 0
    assert hourhand("health", "--service", "worker", "--name", "other").code == 1
    assert hourhand("health", "--service", "scheduler").code == 1


def test_one_that_has_lost_its_lease_is_not(
    hourhand: Hourhand, transport: PostgresTransport, sql: Sql
) -> None:
    serve(transport, "scheduler")
    sql("update hourhand.services set lease_until = now() - interval '1 second'")

    done = hourhand("health", "--service", "scheduler")

    assert done.code == 1
    assert "is late; it was last heard of at" in done.out


def test_one_on_another_host_counts_only_anywhere(hourhand: Hourhand, transport: PostgresTransport) -> None:
    serve(transport, "worker", host="elsewhere")

    assert hourhand("health", "--service", "worker").code == 1
    assert hourhand("health", "--service", "worker", "--anywhere").code == 0


def test_it_can_be_read_by_programs(hourhand: Hourhand, transport: PostgresTransport) -> None:
    serve(transport, "worker")

    answer: dict[str, Any] = hourhand("health", "--service", "worker", "--json").json

    assert answer["healthy"] is True
    assert [each["state"] for each in answer["services"]] == ["alive"]


def test_without_a_database_it_says_69(hourhand: Hourhand) -> None:
    nowhere = "postgresql://127.0.0.1:1/nothing"

    done = hourhand("health", "--service", "worker", DATABASE_URL=nowhere, HOURHAND_DEBUG="off")

    assert done.code == 69
