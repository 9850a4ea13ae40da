"""The Python client for one visit: what it checks and says about schedules, the pages and the API do too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from hourhand.client import Client
from hourhand.payloads import plain

if TYPE_CHECKING:
    from hourhand.transport import Transport
    from hourhand_admin.web.visit import Visit

_WRITES = frozenset({"put_schedule", "backfill"})
"""What is changed through the client."""


class Desk(Client):
    """Goes over the admin's connections; what it changes is changed in the visitor's name."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(settings=visit.settings)
        self._visit = visit

    @property
    def transport(self) -> Transport:
        return self._visit.transport

    def call(self, function: str, /, *, retry: bool = True, **params: Any) -> Any:
        if function not in _WRITES:
            return self._visit.transport.call(function, params, retry=retry)
        return self._visit.act(function, **{name: _plain(value) for name, value in params.items()})


def _plain(value: Any) -> Any:
    """As JSON has it: what is done for somebody else goes through the database as JSON."""
    return str(value) if isinstance(value, UUID) else plain(value)
