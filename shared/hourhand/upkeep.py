"""What every daemon does for the tables, at its start and hourly; several at once do no harm."""

from hourhand.transport import Transport

HOUR = 3600.0
"""Seconds between two times."""


def keep_up(transport: Transport, retention_days: int) -> None:
    """Make partitions ahead and delete all that is older than the retention. Raises the TransportErrors."""
    transport.call("ensure_partitions")
    while transport.call("prune", {"p_retention_days": retention_days})["more"]:
        pass
