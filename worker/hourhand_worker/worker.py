"""The life of a worker: it opens a session, claims and runs until it is told to stop or has nothing to do."""

import socket
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from hourhand import migrate, supervision
from hourhand.built_in import with_built_in
from hourhand.errors import ContractMismatch, Denied
from hourhand.loop import Loop, signals
from hourhand.outcome import Outcome
from hourhand.registry import Registry
from hourhand.settings import Settings
from hourhand.transport import Listener, Transport
from hourhand_worker import apart
from hourhand_worker.attempt import Attempt, Result, Stop
from hourhand_worker.claimer import Claimer
from hourhand_worker.desk import Desk
from hourhand_worker.ending import Endings
from hourhand_worker.executor import Executor
from hourhand_worker.farewell import GOODBYE, Farewell
from hourhand_worker.finisher import Ended, Finisher
from hourhand_worker.ground import Ground
from hourhand_worker.journal import Journal
from hourhand_worker.lane import Conclusion
from hourhand_worker.logbook import Logbook
from hourhand_worker.memory import resident_mb
from hourhand_worker.session import Heartbeat, Session
from hourhand_worker.spans import Spans
from hourhand_worker.standin import StandIn
from hourhand_worker.until import Until
from hourhand_worker.upkeep import Upkeep
from hourhand_worker.watchdog import Watchdog

RESTART = 75
"""The exit code that asks a supervisor for a fresh process."""


class Worker:
    """Runs the tasks of a registry.

    `pulse` is a transport for the heartbeat alone, and `stand_in` beats where that can't. `ended` hears of
    each attempt whose end was delivered, in another thread. A daemon calls `run`, and a program that wants
    work done in its own process `drain`: either of them once, for a worker has one life.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        transport: Transport,
        *,
        pulse: Transport | None = None,
        stand_in: StandIn | None = None,
        kind: str = "worker",
        name: str | None = None,
        queues: Sequence[str] | None = None,
        ended: Callable[[Attempt, Result], None] | None = None,
    ) -> None:
        registry = with_built_in(registry)
        self._settings = settings
        self._transport = transport
        self._until = Until()
        self._ended = ended
        self._ground = ground = Ground(pulse or transport, Journal())
        self._loop = Loop(
            self._step,
            name="worker",
            on_jump=lambda _: self._heartbeat.hint(),
            on_step=supervision.alive,
            outage=ground.outage,
        )
        self._holdings = ground.holdings
        self._endings = Endings(ground.clock)
        self._logbook = Logbook(ground.clock)
        self._spans = Spans(as_children=settings.traces == "child")
        lease = settings.lease.total_seconds()
        self._session = Session(
            ground,
            kind=kind,
            name=name or socket.gethostname(),
            lease=lease,
            tasks=registry.definitions,
            told=self._told_to_stop,
            renewed=_nobody if stand_in is None else stand_in.beaten,
            rescued=self._loop.wake,
        )
        self._executor = Executor(
            settings.concurrency,
            self._begun,
            self._conclude,
            self._slot_freed,
            lambda: self._loop.stopping,
            tasks=registry,
            call=transport.call,
        )
        self._finisher = Finisher(
            ground,
            self._session,
            self._logbook,
            busy=lambda: self._executor.busy,
            delivered=self._delivered,
            over=self._over,
        )
        self._heartbeat = Heartbeat(
            ground, self._session, lease, settings.worker_poll.total_seconds(), self._stats
        )
        self._watchdog = Watchdog(self._holdings, self._executor, self._expired, self._blocked)
        self._upkeep = Upkeep(transport, settings, ground.journal)
        self._claimer = Claimer(
            ground,
            self._session,
            registry,
            self._executor,
            Desk(transport, self._logbook, self._finisher.look),
            settings,
            queues=queues,
            claimed=self._claimed,
        )
        self._farewell = Farewell(
            ground,
            self._loop,
            self._session,
            self._executor,
            self._finisher,
            self._heartbeat,
            self._watchdog,
            self._spans,
        )
        self._listener: Listener | None = None
        self._outcomes: Counter[str] = Counter()
        self._failing: set[int] = set()
        self._fatal: Exception | None = None
        self._leaving = False  # finish what is held, claim no more
        self._exit_code = 0
        self._deadline: float | None = None

    # --- From outside ---

    def run(self, until: Until | None = None) -> int:
        """Work until a signal or `until` ends it; the exit code.

        Raises ContractMismatch and Denied at the start; any TransportError when it does not wait for more.
        """
        with signals(self._loop, dump=self._dump):
            return self._live(until or Until(), self._loop_apart)

    def drain(self, seconds: float | None = None) -> int:
        """Work until nothing is runnable, for at most so long. 1 if a run failed, else 0. Takes no signals.

        Raises the TransportErrors.
        """
        return self._live(Until(drain=True, seconds=seconds), self._loop.run)

    def stop(self) -> None:
        """End gracefully. From any thread."""
        self._loop.stop()

    @property
    def outcomes(self) -> Counter[str]:
        """How many attempts ended in which way: completed, failed, cancelled, retry, snooze."""
        return self._outcomes

    @property
    def failing(self) -> frozenset[int]:
        """The runs whose last attempt failed, for a worker that does not wait for more."""
        return frozenset(self._failing)

    # --- The loop ---

    def _live(self, until: Until, loop: Callable[[], None]) -> int:
        self._until = until
        self._claimer.limit(until.runs)
        try:
            loop()
        except BaseException:
            self._loop.force()
            raise
        finally:
            self._shut_down()
        if self._fatal is not None:
            raise self._fatal
        return self._exit_code or int(until.passing and bool(self._failing))

    def _loop_apart(self) -> None:
        """As soon as it is told to stop it does so, whatever the database does."""

        def work() -> None:
            try:
                self._loop.run()
            finally:
                self._loop.stop()
                self._farewell.give_back_unstarted()

        thread = apart.begin(work, "claims")
        self._loop.await_stop()
        if not apart.ends(thread, GOODBYE):
            self._farewell.unanswered = thread
            self._ground.journal.trouble("The database does not answer; this worker stops all the same")

    def _step(self) -> float:
        try:
            return self._work()
        except Exception as error:
            hopeless = isinstance(error, ContractMismatch | Denied) and not self._session.id
            if not (hopeless or self._until.passing):
                raise
            self._fatal = error
            self._loop.stop()
            return 0.0

    def _work(self) -> float:
        if not self._session.id:
            self._begin()
        self._watch_memory()
        rest = self._settings.worker_poll.total_seconds() if self._leaving else self._claimer.step()
        self._leaving = self._leaving or self._until.once or self._claimer.exhausted
        if self._is_over():
            self._loop.stop()
        return rest if self._deadline is None else min(rest, max(0.0, self._deadline - monotonic()))

    def _shut_down(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._session.id:
            self._upkeep.stop()
            self._farewell.say(0.0 if self._fatal is not None else self._settings.shutdown.total_seconds())

    def _begin(self) -> None:
        migrate.check(self._transport)
        self._session.open()
        if self._until.seconds is not None:
            self._deadline = monotonic() + self._until.seconds
        for thread in (self._finisher, self._heartbeat, self._watchdog):
            thread.start()
        if not self._until.passing:
            self._upkeep.start()
            if self._settings.notify:
                self._listener = self._transport.listen(["hourhand_runs"], self._hinted)
            self._ground.journal.started(self._settings.worker_poll)
            supervision.ready(self._settings.worker_poll.total_seconds())
            self._executor.warm_up()

    def _is_over(self) -> bool:
        if self._deadline is not None and monotonic() >= self._deadline:
            return True
        if len(self._holdings):
            return False
        return self._leaving or (self._until.drain and self._claimer.dry)

    def _watch_memory(self) -> None:
        limit = self._settings.memory_limit_mb
        if limit is not None and not self._leaving and resident_mb() > limit:
            self._leave(f"More than {limit} MiB of memory are in use")

    def _leave(self, reason: str) -> None:
        """Finish what is held and end, so that a supervisor starts a fresh process."""
        self._ground.journal.trouble(f"{reason}: this worker finishes what it runs and makes way for another")
        self._leaving = True
        self._exit_code = RESTART
        self._loop.request(self._farewell.give_back_unstarted)

    # --- What the parts tell, each in its own thread ---

    def _claimed(self) -> None:
        self._heartbeat.holding()
        self._watchdog.holding()

    def _hinted(self, _channel: str) -> None:
        self._heartbeat.hint()
        self._loop.wake()

    def _slot_freed(self) -> None:
        if not self._executor.busy:
            self._finisher.look()
        if self._loop.stopping or (self._claimer.starved and self._claimer.room()):
            self._loop.wake()

    def _begun(self, attempt: Attempt) -> None:
        self._ground.journal.begun(attempt)
        self._spans.begin(attempt)

    def _conclude(self, ended: Sequence[Conclusion]) -> None:
        if self._loop.stopping:
            ended = [each for each in ended if not _is_given_back(*each)]
        late = self._holdings.settle(attempt for attempt, _, _ in ended)
        results = []
        for attempt, value, error in ended:
            if late and attempt in late:
                self._came_late(attempt)
            else:
                result = self._endings.ended(attempt, value, error)
                self._spans.end(attempt, result)
                results.append((attempt, result))
        self._finisher.put(results)

    def _came_late(self, attempt: Attempt) -> None:
        """Its end was decided before: it timed out, or the run is no longer ours."""
        self._spans.end(attempt, None)
        self._logbook.forget([attempt.token])
        if attempt.stop is Stop.LOST and attempt.started:
            self._ground.journal.refused(attempt, None)

    def _expired(self, attempt: Attempt) -> None:
        if self._holdings.settle([attempt]):
            return
        result = self._endings.timed_out(attempt)
        self._spans.end(attempt, result)
        self._finisher.put([(attempt, result)])
        self._executor.abandon(attempt)
        abandoned = self._executor.abandoned.total()
        self._ground.journal.abandoned(attempt, abandoned)
        if abandoned >= self._settings.concurrency and not self._leaving:
            self._leave(f"{abandoned} tasks go on although their time is over")

    def _blocked(self, seconds: float) -> None:
        self._ground.journal.trouble(
            f"An `async def` task has blocked the event loop for {seconds:.0f} s: make it a `def`"
        )
        if self._executor.abandoned["async"]:
            # It is out of time and can't be interrupted: nothing async will ever run here again.
            self._exit_code = RESTART
            self._loop.stop()

    def _told_to_stop(self, attempt: Attempt, why: Stop, reason: str) -> None:
        if why is Stop.LOST and not self._holdings.drop(attempt):
            return
        if attempt.tell_to_stop(why, reason):
            self._executor.interrupt(attempt)
        if why is Stop.LOST:
            self._executor.abandon(attempt)
            self._loop.wake()  # it may have been the last

    def _delivered(self, ended: Sequence[Ended]) -> None:
        for attempt, result in ended:
            outcome = result["outcome"]
            self._outcomes[outcome] += 1
            if self._until.passing:
                (self._failing.add if outcome in ("failed", "retry") else self._failing.discard)(attempt.id)
            self._tell(attempt, result)

    def _over(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            if attempt.keeps_slot:
                self._executor.free(attempt)
        # They may have freed a limit, enqueued children, or been the last.
        self._loop.wake()

    def _tell(self, attempt: Attempt, result: Result) -> None:
        if self._ended is None:
            return
        try:
            self._ended(attempt, result)
        except Exception as error:  # noqa: BLE001  (a listener must not stop the finisher)
            self._ground.journal.trouble("What listens to the ends of runs failed", error)

    def _stats(self) -> dict[str, Any]:
        return {
            "running": self._executor.running,
            "ready": self._executor.ready,
            "undelivered": self._holdings.closing,
            "abandoned": self._executor.abandoned.total(),
            "memory_mb": round(resident_mb(), 1),
            "queues": self._claimer.queues,
            **self._outcomes,
        }

    def _dump(self) -> None:
        self._ground.journal.state(**self._stats(), held=sorted(self._holdings.by_run()))


def _is_given_back(attempt: Attempt, _value: object, error: BaseException | None) -> bool:
    """Whether it ended only because the worker shuts down."""
    return attempt.stop is Stop.SHUTDOWN and error is not None and not issubclass(type(error), Outcome)


def _nobody(_session: str) -> None: ...
