"""A worker's view of the schema, for tests that read as sentences."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from hourhand.transport.postgres import PostgresTransport


@dataclass
class Hand:
    """One session of a worker, calling the functions by hand."""

    transport: PostgresTransport
    tasks: list[str]
    lease: float = 30.0
    session: str = field(default_factory=lambda: str(uuid.uuid4()))

    def open(self, **task_options: Any) -> "Hand":
        tasks = [{"name": name, **task_options} for name in self.tasks]
        self.transport.call(
            "open_session",
            {
                "p_session": self.session,
                "p_kind": "worker",
                "p_name": "hand",
                "p_lease": self.lease,
                "p_tasks": tasks,
            },
        )
        return self

    def claim(self, most: int = 10, *, claim_id: str | None = None, held: int = 0, **params: Any) -> Any:
        return self.transport.call(
            "claim",
            {
                "p_session": self.session,
                "p_claim_id": claim_id or str(uuid.uuid4()),
                "p_max": most,
                "p_tasks": self.tasks,
                "p_held": held,
                **params,
            },
        )

    def runs(self, most: int = 10, **params: Any) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = self.claim(most, **params)["runs"]
        return runs

    def finish(self, *runs: dict[str, Any], outcome: str = "completed", **result: Any) -> list[str]:
        results = [{"id": run["id"], "token": run["token"], "outcome": outcome, **result} for run in runs]
        answer = self.transport.call("finish", {"p_session": self.session, "p_results": results})
        return [entry["outcome"] for entry in answer["results"]]

    def beat(self, *held: dict[str, Any]) -> Any:
        entries = [{"id": run["id"], "token": run["token"]} for run in held]
        return self.transport.call(
            "beat", {"p_session": self.session, "p_held": entries, "p_lease": self.lease}
        )


@pytest.fixture
def hand(transport: PostgresTransport) -> Callable[..., Hand]:
    """Makes workers: `hand("task", …)` has opened its session."""

    def hand(*tasks: str, lease: float = 30.0, **task_options: Any) -> Hand:
        return Hand(transport, list(tasks or ["task"]), lease).open(**task_options)

    return hand


@pytest.fixture
def enqueue(transport: PostgresTransport) -> Callable[..., int]:
    def enqueue(task: str = "task", **params: Any) -> int:
        answer = transport.call("enqueue", {"p_task": task, **{f"p_{k}": v for k, v in params.items()}})
        run_id: int = answer["id"]
        return run_id

    return enqueue


@pytest.fixture
def end_lease(sql: Callable[..., list[Any]]) -> Callable[[Hand], None]:
    """Lets a worker's lease end now, as if it had been silent for so long."""

    def end_lease(hand: Hand) -> None:
        sql("update hourhand.services set lease_until = hourhand.clock() where id = %s", hand.session)

    return end_lease
