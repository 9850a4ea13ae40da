"""The rules of runs, told once more in plain Python: what the state machine compares the functions with.

Instants are seconds since the start. A verdict or a state is predicted exactly; which runs a claim picks is
judged by what it may and what it must do.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LEASE = 30.0
KEY_TTL = 24 * 3600.0
AGEING = 60.0
MOST_LOST = 3
TASKS = {"swift": None, "limited": 2}
"""How many runs of each may be worked on at once."""


class Held(NamedTuple):
    """An attempt as its worker knows it."""

    run: int
    token: str


class Row(NamedTuple):
    """What the table has to say about a run."""

    status: str
    attempt: int
    lost_count: int
    run_at: float
    claim_at: float
    max_attempts: int
    priority: int
    session: str | None
    token: str | None
    cancelling: bool
    retry_of: int | None
    finished_at: float | None


@dataclass
class ModelRun:
    task: str
    queue: str
    priority: int
    run_at: float
    max_attempts: int
    key: str | None = None
    concurrency_key: str | None = None
    retry_of: int | None = None
    claim_at: float = field(init=False)
    status: str = "pending"
    attempt: int = 0
    lost_count: int = 0
    session: str | None = None
    token: str | None = None
    claim: str | None = None
    claimed_at: float = 0.0
    cancelling: bool = False
    finished_at: float | None = None

    def __post_init__(self) -> None:
        self.claim_at = self.run_at - self.priority * AGEING

    @property
    def is_live(self) -> bool:
        return self.status in ("pending", "processing")

    @property
    def row(self) -> Row:
        return Row(
            self.status, self.attempt, self.lost_count, self.run_at, self.claim_at, self.max_attempts,
            self.priority, self.session, self.token, self.cancelling, self.retry_of, self.finished_at,
        )  # fmt: skip

    def take_over(self, other: "ModelRun") -> None:
        """What `on_conflict replace` puts into a pending run."""
        self.priority, self.run_at, self.claim_at = other.priority, other.run_at, other.claim_at
        self.max_attempts = max(other.max_attempts, self.attempt)

    def back(self, at: float, *, given_back: int = 0, lost: int = 0) -> None:
        self.status, self.session, self.token, self.claim = "pending", None, None, None
        self.run_at = self.claim_at = at
        self.attempt -= given_back
        self.lost_count += lost

    def end(self, status: str, now: float) -> None:
        self.status, self.finished_at = status, now


@dataclass
class ModelSession:
    lease_until: float
    state: str = "open"


class Model:
    def __init__(self) -> None:
        self.now = 0.0
        self.runs: dict[int, ModelRun] = {}
        self.pruned: set[int] = set()
        self.sessions: dict[str, ModelSession] = {}
        self.keys: dict[tuple[str, str], tuple[int, float]] = {}
        self.paused: set[str] = set()
        self.delivered: dict[Held, float] = {}
        """When each attempt that was not taken away ended, for as long as it is known."""
        self.attempts: Counter[tuple[int, str, str]] = Counter()
        """What is kept of attempts that did not simply complete."""

    # --- Users ---

    def enqueue(self, new: ModelRun, scope: str, on_conflict: str) -> tuple[str, int | None]:
        """The outcome, and the run it is about unless that is a new one."""
        holder = self._holder(scope, new.key)
        if holder is None:
            return "created", None
        held = self.runs.get(holder)
        if on_conflict == "replace" and held is not None and held.status == "pending":
            held.take_over(new)
            return "replaced", holder
        return "existing", holder

    def add(self, run: int, new: ModelRun, scope: str) -> None:
        self.runs[run] = new
        if new.key is not None:
            self.keys[scope, new.key] = run, self.now + KEY_TTL

    def cancel(self, run: int) -> str:
        known = self.runs[run]
        if not known.is_live:
            return "finished"
        known.cancelling = True
        if known.status == "processing":
            return "requested"
        known.end("cancelled", self.now)
        return "cancelled"

    def retried(self, run: int, request: str) -> ModelRun:
        old = self.runs[run]
        return ModelRun(
            old.task, old.queue, old.priority, self.now, old.max_attempts, request, old.concurrency_key, run
        )

    def prune(self, days: int) -> None:
        before = self.now - days * 86400
        old = {
            run
            for run, known in self.runs.items()
            if known.finished_at is not None and known.finished_at < before
        }
        self.pruned |= old
        self.runs = {run: known for run, known in self.runs.items() if run not in old}
        self.keys = {key: held for key, held in self.keys.items() if held[1] > self.now}
        self.delivered = {held: at for held, at in self.delivered.items() if at >= before}

    def depth(self) -> dict[str, int]:
        return dict(Counter(run.status for run in self.runs.values() if run.is_live))

    # --- Workers ---

    def is_open(self, session: str) -> bool:
        known = self.sessions[session]
        return known.state == "open" and known.lease_until > self.now

    def claimed_before(self, session: str, claim: str) -> list[int]:
        """What a repeated claim has to give again."""
        return [
            run
            for run, known in self.runs.items()
            if known.status == "processing" and (known.session, known.claim) == (session, claim)
        ]

    def judge_claim(self, picked: Sequence[int], most: int, held: int) -> Iterator[str]:
        """Complaints about what a claim that is no repetition has picked."""
        eligible = set(self._eligible())
        suspects = sorted((run for run in eligible if self.runs[run].lost_count), key=self._order)
        alone = bool(suspects) and (held == 0 or self.runs[suspects[0]].claim_at < self.now - 0.5)
        if wrong := set(picked) - eligible:
            yield f"{wrong} could not be claimed"
        if len(picked) > most or len(set(picked)) < len(picked):
            yield f"{picked} are more than {most}, or not distinct"
        if alone and list(picked) != suspects[:1]:
            yield f"{suspects[0]} has to be claimed alone, not {picked}"
        if not alone and set(picked) & set(suspects):
            yield f"{picked} has one whose worker was lost"
        yield from self._judge_limits(picked)
        if not alone:
            free = {run for run in eligible - set(suspects) if self._is_free(run)}
            keyed = set() if suspects else eligible - set(suspects) - free
            yield from self._judge_order(set(picked), free, keyed, most)

    def claim(self, picked: Mapping[int, str], session: str, claim: str) -> None:
        for run, token in picked.items():
            known = self.runs[run]
            known.status, known.session, known.token, known.claim = "processing", session, token, claim
            known.claimed_at = self.now
            known.attempt += 1

    def finish(self, held: Held, outcome: str, delay: float) -> str:
        run = self._current(held)
        if run is None:
            return "already" if held in self.delivered else "stale"
        self.delivered[held] = self.now
        if outcome != "completed":
            self.attempts[*held, outcome] += 1
        if outcome in ("completed", "failed", "cancelled"):
            run.end(outcome, self.now)
        elif run.cancelling:
            run.end("cancelled", self.now)
        elif outcome == "retry" and run.attempt - run.lost_count >= run.max_attempts:
            run.end("failed", self.now)
        else:
            run.back(self.now + delay, given_back=int(outcome == "snooze"))
        return "ok"

    def beat(self, session: str, held: Collection[Held]) -> dict[str, Any] | None:
        """The news; None when the lease is lost."""
        if not self.is_open(session):
            return None
        self.sessions[session].lease_until = self.now + LEASE
        named = {each.run for each in held}
        for run, known in self._of_sessions({session}):
            if run not in named and known.claimed_at < self.now - LEASE:
                self._give_back(Held(run, known.token or ""))
        cancel = [run for run, known in self._of_sessions({session}) if known.cancelling]
        # What is delivered is only not yet known to its worker: nothing has gone on without it.
        stale = sorted(
            each.run for each in held if self._current(each) is None and each not in self.delivered
        )
        return {"cancel": cancel, "stale": stale, "rescued": self.rescue()["runs"]}

    def release(self, session: str, runs: Collection[tuple[Held, bool]], close: bool) -> list[str]:
        answers = []
        for held, started in runs:
            answers.append("stale" if self._current(held) is None else "ok")
            if answers[-1] == "ok":
                self.attempts[*held, "released"] += int(started)
                self._give_back(held)
        if close and self.sessions[session].state == "open":
            self.sessions[session] = ModelSession(self.now, "closed")
        return answers

    def rescue(self) -> dict[str, int]:
        dead = {
            session
            for session, known in self.sessions.items()
            if (known.state == "open" and known.lease_until <= self.now)
            or (known.state != "open" and any(self._of_sessions({session})))
        }
        for session in dead:
            if self.sessions[session].state == "open":
                self.sessions[session].state = "lost"
        lost = list(self._of_sessions(dead))
        failed = sum([self._lose(run, known) for run, known in lost])
        return {"sessions": len(dead), "runs": len(lost), "failed": failed}

    def writes(self, held: Held) -> str:
        """What a worker may still tell about a run while it holds it."""
        return "stale" if self._current(held) is None else "ok"

    def may_log(self, held: Held) -> bool:
        """The last lines of an attempt may come after its end, unless it was taken away."""
        return self._current(held) is not None or (held.run in self.runs and held in self.delivered)

    # --- What these rest on ---

    def _holder(self, scope: str, key: str | None) -> int | None:
        run, expires_at = self.keys.get((scope, key or ""), (None, 0.0))
        return run if key is not None and expires_at > self.now else None

    def _current(self, held: Held) -> ModelRun | None:
        run = self.runs.get(held.run)
        return run if run is not None and run.status == "processing" and run.token == held.token else None

    def _of_sessions(self, sessions: set[str]) -> list[tuple[int, ModelRun]]:
        return [
            (run, known)
            for run, known in sorted(self.runs.items())
            if known.status == "processing" and known.session in sessions
        ]

    def _give_back(self, held: Held) -> None:
        run = self.runs[held.run]
        run.back(self.now, given_back=1)
        if run.cancelling:
            run.end("cancelled", self.now)

    def _lose(self, run: int, known: ModelRun) -> bool:
        held = Held(run, known.token or "")
        self.attempts[*held, "lost"] += 1
        if known.cancelling:
            known.end("cancelled", self.now)
            return False
        if known.lost_count + 1 >= MOST_LOST:
            known.end("failed", self.now)
            return True
        known.back(self.now, lost=1)
        return False

    def _order(self, run: int) -> tuple[float, int]:
        return self.runs[run].claim_at, run

    def _is_free(self, run: int) -> bool:
        return self.runs[run].concurrency_key is None

    def _running(self) -> list[ModelRun]:
        return [known for known in self.runs.values() if known.status == "processing"]

    def _eligible(self) -> Iterator[int]:
        running = self._running()
        taken = {known.concurrency_key for known in running} - {None}
        tasks = Counter(known.task for known in running)
        for run, known in self.runs.items():
            if known.status != "pending" or known.run_at > self.now or known.queue in self.paused:
                continue
            limit = TASKS[known.task]
            if known.concurrency_key not in taken and (limit is None or tasks[known.task] < limit):
                yield run

    def _judge_limits(self, picked: Sequence[int]) -> Iterator[str]:
        running = [*self._running(), *(self.runs[run] for run in picked)]
        keys = Counter(known.concurrency_key for known in running if known.concurrency_key is not None)
        yield from (f"{key} is held {count} times" for key, count in keys.items() if count > 1)
        for task, count in Counter(known.task for known in running).items():
            if (limit := TASKS[task]) is not None and count > limit:
                yield f"{count} runs of {task} at once"

    def _judge_order(self, picked: set[int], free: set[int], keyed: set[int], most: int) -> Iterator[str]:
        """Whoever is first in the queue is not passed over by others without a limit."""
        waiting = free - picked
        if picked & free and waiting:
            last = max((run for run in picked & free), key=self._order)
            passed = [run for run in waiting if self._order(run) < self._order(last)]
            unlimited = [run for run in passed if TASKS[self.runs[run].task] is None]
            # A negative priority waits for the others, a limited task for its slots.
            if unlimited and self._order(last)[0] <= self.now:
                yield f"{unlimited} were passed over for {last}"
        if not picked and (free or keyed):
            yield f"nothing was claimed, although {free | keyed} could be"
        unlimited = {run for run in free if TASKS[self.runs[run].task] is None}
        if len(picked) < most and not (keyed or free - unlimited) and not unlimited <= picked:
            yield f"{unlimited - picked} were left behind with room for them"
