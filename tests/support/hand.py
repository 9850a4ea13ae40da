"""A hand that works off runs through the functions alone, for tests that need ended runs but no worker."""

import uuid
from collections.abc import Sequence
from typing import Any

from hourhand.transport import Transport

Definition = dict[str, Any]


class Hand:
    """One session that knows some tasks. Claims and finishes only when it is told to."""

    def __init__(
        self, transport: Transport, *tasks: str | Definition, kind: str = "worker", lease: float = 30
    ) -> None:
        self.transport = transport
        self.session = uuid.uuid4()
        self.definitions = [{"name": task} if isinstance(task, str) else task for task in tasks]
        transport.call(
            "open_session",
            {"p_session": self.session, "p_kind": kind, "p_name": f"{kind}-1", "p_host": "test", "p_pid": 1,
             "p_version": "0", "p_lease": lease, "p_tasks": self.definitions},
        )  # fmt: skip

    def claim(self, most: int = 10) -> list[dict[str, Any]]:
        names = [definition["name"] for definition in self.definitions]
        answer = self.transport.call(
            "claim",
            {
                "p_session": self.session,
                "p_claim_id": uuid.uuid4(),
                "p_max": most,
                "p_tasks": names,
                "p_held": 0,
            },
        )
        runs: list[dict[str, Any]] = answer["runs"]
        return runs

    def finish(self, runs: Sequence[dict[str, Any]], outcome: str = "completed", **fields: Any) -> None:
        results = [{"id": run["id"], "token": run["token"], "outcome": outcome, **fields} for run in runs]
        self.transport.call("finish", {"p_session": self.session, "p_results": results})

    def work(self, outcome: str = "completed", **fields: Any) -> list[int]:
        """Claims what is runnable and ends it; the ids."""
        runs = self.claim()
        self.finish(runs, outcome, **fields)
        return [run["id"] for run in runs]

    def log(self, run: dict[str, Any], *messages: str) -> None:
        lines = [
            {"run_id": run["id"], "token": run["token"], "attempt": run["attempt"], "seq": seq,
             "at": run["created_at"], "level": "INFO", "message": message}
            for seq, message in enumerate(messages, 1)
        ]  # fmt: skip
        self.transport.call("append_logs", {"p_session": self.session, "p_logs": lines})
