"""Claims runs: no more than can be run, and one batch ahead so that nobody waits for the database."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from hourhand import columns
from hourhand.registry import Registry
from hourhand.run import Reporter
from hourhand.settings import Settings
from hourhand_worker.attempt import Attempt
from hourhand_worker.executor import Executor
from hourhand_worker.ground import Ground
from hourhand_worker.pace import Pace
from hourhand_worker.session import Session

MOST_UNDELIVERED = 5000


class Claimer:
    """`step` claims once and says when to do it again; `claimed` hears that something is held."""

    def __init__(
        self,
        ground: Ground,
        session: Session,
        registry: Registry,
        executor: Executor,
        reporter: Reporter,
        settings: Settings,
        *,
        queues: Sequence[str] | None,
        claimed: Callable[[], None],
    ) -> None:
        self._transport = ground.transport
        self._holdings = ground.holdings
        self._clock = ground.clock
        self._journal = ground.journal
        self._session = session
        self._registry = registry
        self._executor = executor
        self._reporter = reporter
        self.queues = [*(settings.queues if queues is None else queues)]
        """None named is every one."""
        self._params: dict[str, Any] = {
            "p_tasks": registry.names,
            "p_queues": self.queues or None,
            "p_packed": True,
        }
        self._floor: dict[str, Any] | None = None
        self._batch = settings.worker_batch
        self._ahead = self._batch if settings.prefetch else 0
        self._capacity = settings.concurrency + self._ahead
        self._poll = settings.worker_poll.total_seconds()
        self._pace = Pace(self._poll)
        self._left: int | None = None
        self._claimed = claimed
        self._claim: str | None = None
        self._suspect: Attempt | None = None
        self.starved = False
        self.dry = False
        """Whether the last claim brought nothing although nothing was held that could have enqueued more."""

    def limit(self, most: int | None) -> None:
        """Claim no more than so many runs in all."""
        self._left = most

    @property
    def exhausted(self) -> bool:
        return self._left == 0

    def room(self) -> int:
        """How many runs to claim now."""
        # Nobody joins a run whose worker was lost before, and its end is not risked by another such run.
        if self._suspect is not None and self._holdings.has(self._suspect):
            return 0
        if self._executor.ready > self._ahead // 2 or self._holdings.closing > MOST_UNDELIVERED:
            return 0
        room = min(self._batch, self._capacity - self._holdings.open)
        return max(0, room if self._left is None else min(room, self._left))

    def step(self) -> float:
        """Seconds until the next step. Raises the TransportErrors; the step after one repeats the claim."""
        # Set before the look, so that a slot that becomes free after it is heard of.
        self.starved = True
        most = self.room()
        if not most:
            return self._poll
        self.starved = False
        held, session = len(self._holdings), self._session.id
        answer = self._call(most, held, session)
        if answer["lost"]:
            self._session.replace(session)
            return 0.0
        self.dry = not answer["runs"] and not held and not answer["full"]
        self._take(columns.rows(answer["runs"]), session)
        return self._pace.after(answer)

    def _call(self, most: int, held: int, session: str) -> dict[str, Any]:
        # Until it is answered, a claim is repeated under its own id and finds what it has claimed already.
        self._claim = self._claim or str(uuid.uuid4())
        self._journal.claiming(self._claim, most)
        answer: dict[str, Any] = self._transport.call(
            "claim",
            {
                "p_session": session,
                "p_claim_id": self._claim,
                "p_max": most,
                "p_held": held,
                "p_floor": self._floor,
                **self._params,
            },
        )
        self._claim = None
        self._floor = answer.get("floor")
        self._clock.set(answer["now"])
        return answer

    def _take(self, rows: list[dict[str, Any]], session: str) -> None:
        if not rows:
            return
        attempts = [Attempt(row, self._registry.get(row["task"]), session, self._reporter) for row in rows]
        if self._left is not None:
            self._left -= len(attempts)
        self._suspect = next((attempt for attempt in attempts if attempt.row["lost_count"]), None)
        self._journal.claimed(attempts)
        self._holdings.add(attempts)
        self._claimed()
        self._executor.submit(attempts)
