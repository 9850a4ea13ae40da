"""Claims runs: no more than can be run, and one batch ahead so that nobody waits for the database."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
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


@dataclass(frozen=True, slots=True)
class Claim:
    """`sent` is the moment (monotonic) at which it was sent first."""

    session: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent: float = field(default_factory=monotonic)


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
        self._claim: Claim | None = None
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
        held, claim = len(self._holdings), self._claim
        # Until it is answered, a claim is repeated under its own id and finds what it has claimed already.
        if claim is None or claim.session != self._session.id:
            claim = self._claim = Claim(self._session.id)
        answer = self._call(claim, most, held)
        if answer["lost"]:
            self._session.replace(claim.session)
            return 0.0
        self.dry = not answer["runs"] and not held and not answer["full"]
        taken = self._take(columns.rows(answer["runs"]), claim)
        return self._pace.after(answer) if taken else 0.0

    def _call(self, claim: Claim, most: int, held: int) -> dict[str, Any]:
        self._journal.claiming(claim.id, most)
        answer: dict[str, Any] = self._transport.call(
            "claim",
            {
                "p_session": claim.session,
                "p_claim_id": claim.id,
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

    def _take(self, rows: list[dict[str, Any]], claim: Claim) -> bool:
        """False when they came too late."""
        if not rows:
            return True
        attempts = [
            Attempt(row, self._registry.get(row["task"]), claim.session, self._reporter) for row in rows
        ]
        self._journal.claimed(attempts)
        if not self._session.hold(attempts, claim.sent):
            return False
        if self._left is not None:
            self._left -= len(attempts)
        self._suspect = next((attempt for attempt in attempts if attempt.row["lost_count"]), None)
        self._claimed()
        self._executor.submit(attempts)
        return True
