"""The process `hourhand scheduler`: the scheduler in a loop, and what runs beside it."""

from contextlib import closing
from datetime import timedelta
from threading import Thread
from time import monotonic

from hourhand import log, supervision, tracing
from hourhand.errors import BadScheduleFile, ContractMismatch, Denied, HourhandError
from hourhand.loop import Loop, signals
from hourhand.outage import Outage
from hourhand.settings import Settings, load_settings
from hourhand.transport import Listener, Transport, connect
from hourhand_scheduler.code import Code
from hourhand_scheduler.journal import Journal
from hourhand_scheduler.scheduler import Scheduler
from hourhand_scheduler.session import Session, lease
from hourhand_scheduler.upkeep import Upkeep

APPLICATION = "hourhand-scheduler"
PATIENCE = 5.0
"""Seconds for which a call is repeated: then it is better to look afresh at what is due."""

GOODBYE = 2.0
"""Seconds that the step under way and the end of the session may take. Nothing depends on either."""


def run(*, once: bool = False, interval: float | None = None, log_level: str | None = None) -> None:
    """Until it is told to stop; `once`: until nothing is due.

    Raises BadSetting, BadScheduleFile, ContractMismatch and Denied; with `once` all TransportErrors.
    """
    poll = None if interval is None else timedelta(milliseconds=round(interval * 1000))
    settings = load_settings(scheduler_poll=poll, log_level=log_level)
    log.configure(settings, "scheduler")
    tracing.start(APPLICATION)
    try:
        _run(settings, once=once)
    finally:
        tracing.end()


def _run(settings: Settings, *, once: bool) -> None:
    journal = Journal()
    code = Code(settings, journal, APPLICATION)
    with closing(connect(settings, application_name=APPLICATION, patience=PATIENCE)) as transport:
        if not once:
            Daemon(transport, settings, journal, code).run()
            return
        with Session(transport, journal, lease(settings)) as session:
            code.apply()
            Scheduler(transport, settings, session, journal).finish()


class Daemon:
    def __init__(self, transport: Transport, settings: Settings, journal: Journal, code: Code) -> None:
        self._transport = transport
        self._code = code
        self._begun = False
        self._poll = settings.scheduler_poll
        self._journal = journal
        self._session = Session(transport, self._journal, lease(settings))
        self._scheduler = Scheduler(transport, settings, self._session, self._journal)
        outage = Outage()
        self._loop = Loop(
            self._step,
            name="firing schedules",
            on_jump=lambda _: self._scheduler.look_again(),
            on_step=supervision.alive,
            outage=outage,
        )
        upkeep = Upkeep(transport, settings, self._session, self._stats)
        self._upkeep = Loop(upkeep.step, name="upkeep", outage=outage)
        self._upkeep_thread = Thread(target=self._upkeep.run, name="hourhand-upkeep", daemon=True)
        self._listener: Listener | None = None
        self._fatal: HourhandError | None = None
        self._slowest = 0.0

    def run(self) -> None:
        with signals(self._loop, reload=self._code.reload, dump=self._scheduler.dump):
            # A thread that can be left behind: a call to a database that is away may take long.
            work = Thread(target=self._live, name="hourhand-scheduler", daemon=True)
            work.start()
            self._loop.await_stop()
            work.join(GOODBYE)
        if work.is_alive():
            self._journal.left(GOODBYE)
        if self._fatal is not None:
            raise self._fatal

    def _live(self) -> None:
        try:
            self._loop.run()
            self._end()
        finally:
            self._loop.stop()

    def _step(self) -> float:
        if not self._begun and not self._begin():
            return 0.0
        began = monotonic()
        rest = self._scheduler.step()
        self._slowest = max(self._slowest, monotonic() - began)
        return rest

    def _stats(self) -> dict[str, float]:
        """For its row in `services`: the longest step since it was last asked, in seconds."""
        slowest, self._slowest = self._slowest, 0.0
        return {"tick_s": round(slowest, 6)}

    def _begin(self) -> bool:
        """Whether it may go on. A database that is not there yet is waited for, by the loop."""
        try:
            if not self._session.id:
                self._session.open()
            self._code.apply()
        except (ContractMismatch, Denied, BadScheduleFile) as error:
            self._fatal = error
            self._loop.stop()
            return False
        self._listener = self._transport.listen(["hourhand_schedules"], self._hinted)
        self._upkeep_thread.start()
        self._journal.started(self._poll)
        supervision.ready(self._poll.total_seconds())
        self._begun = True
        return True

    def _hinted(self, _channel: str) -> None:
        self._scheduler.look_again()
        self._loop.wake()

    def _end(self) -> None:
        supervision.stopping()
        if self._listener is not None:
            self._listener.close()
        self._upkeep.stop()
        self._session.close()
