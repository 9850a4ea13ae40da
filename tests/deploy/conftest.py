"""A project that real supervisors run: its settings in `.env`, its schedule firing every second."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import eventually

Sql = Callable[..., list[Any]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def project(tmp_path: Path, database_url: str, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "project"
    (directory / "logs").mkdir(parents=True)
    settings = {
        # An & in an address is what shells trip over.
        "DATABASE_URL": f"{database_url}{'&' if '?' in database_url else '?'}connect_timeout=10&sslmode=prefer",
        "HOURHAND_TASKS": "hourhand.demo",
        "HOURHAND_LEASE_SECONDS": "3",
        "JOB_WORKER_POLL_MS": "500",
        "JOB_SCHEDULER_POLL_MS": "500",
        "HOURHAND_ADMIN_PASSWORD": "a password of this test",
    }
    (directory / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    for name in ("DATABASE_URL", "HOURHAND_TEST_DATABASE_URL", "HOURHAND_TRANSPORT", "HOURHAND_TASKS"):
        monkeypatch.delenv(name, raising=False)
    sql(
        "select hourhand.put_schedule(%s)",
        '{"name": "tick", "task": "hello", "every": 1}',
    )
    return directory


@pytest.fixture
def completes_more(sql: Sql) -> Callable[[], None]:
    """Waits until another run has been completed."""

    def count() -> int:
        return int(sql("select count(*) from hourhand.job_runs where status = 'completed'")[0][0])

    def wait() -> None:
        before = count()
        eventually(lambda: count() > before, 30)

    return wait
