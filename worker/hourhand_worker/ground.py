"""What all parts of a worker stand on."""

from dataclasses import dataclass, field

from hourhand.outage import Outage
from hourhand.transport import Transport
from hourhand_worker.clock import Clock
from hourhand_worker.holdings import Holdings
from hourhand_worker.journal import Journal


@dataclass(frozen=True, slots=True)
class Ground:
    transport: Transport
    journal: Journal
    clock: Clock = field(default_factory=Clock)
    holdings: Holdings = field(default_factory=Holdings)
    outage: Outage = field(default_factory=Outage)
