"""A scheduler in somebody else's process, for one pass. Found by its name: see `hourhand.testing`."""

from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_scheduler.journal import Journal
from hourhand_scheduler.scheduler import Scheduler
from hourhand_scheduler.session import Session, lease


def fire_due(transport: Transport, settings: Settings) -> None:
    """Fire every schedule that is due by the database's clock. Raises the TransportErrors."""
    journal = Journal()
    with Session(transport, journal, lease(settings)) as session:
        Scheduler(transport, settings, session, journal).finish()
