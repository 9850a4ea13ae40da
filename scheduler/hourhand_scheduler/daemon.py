"""The process `hourhand scheduler`: the scheduler in a loop, and what runs beside it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Thread

from hourhand import log, migrate
from hourhand.cli import connected
from hourhand.errors import HourhandError
from hourhand.loop import Loop, signals
from hourhand.settings import Settings, load_settings
from hourhand.transport import Transport
from hourhand_scheduler.scheduler import Scheduler
from hourhand_scheduler.session import Session
from hourhand_scheduler.upkeep import Upkeep

APPLICATION = "hourhand-scheduler"
CHANNEL = "hourhand_schedules"


def run(*, once: bool = False, interval: float | None = None, log_level: str | None = None) -> None:
    """Until it is told to stop; `once`: until nothing is due. Raises HourhandError when it cannot start."""
    poll = None if interval is None else timedelta(milliseconds=round(interval * 1000))
    settings = load_settings(scheduler_poll=poll, log_level=log_level)
    log.configure(settings, "scheduler")
    with connected(APPLICATION, settings) as transport, opened(transport, settings) as session:
        scheduler = Scheduler(transport, settings, session)
        if once:
            scheduler.finish()
        else:
            _work(scheduler, Upkeep(transport, settings, session), transport, settings)


@contextmanager
def opened(transport: Transport, settings: Settings) -> Iterator[Session]:
    """A session, in a database whose schema this version can work with."""
    migrate.check(transport)
    session = Session(transport, lease=3 * settings.scheduler_poll.total_seconds())
    session.open()
    try:
        yield session
    finally:
        with suppress(HourhandError):  # Its lease ends by itself.
            session.close()


def _work(scheduler: Scheduler, upkeep: Upkeep, transport: Transport, settings: Settings) -> None:
    loop = Loop(scheduler.step, name="firing schedules", on_jump=lambda _: scheduler.look_again())
    beside = Loop(upkeep.step, name="upkeep")

    def hinted(_channel: str) -> None:
        scheduler.look_again()
        loop.wake()

    listener = transport.listen([CHANNEL], hinted)
    thread = Thread(target=beside.run, name="hourhand-upkeep", daemon=True)
    thread.start()
    poll = settings.scheduler_poll.total_seconds()
    log.event("scheduler.started", message=f"hourhand scheduler started. Polling every {poll:g} seconds")
    with signals(loop, dump=scheduler.dump):
        loop.run()
    beside.stop()
    if listener is not None:
        listener.close()
    thread.join(timeout=1.0)
