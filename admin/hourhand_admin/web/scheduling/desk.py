"""The Python client for one visit: what is said about schedules elsewhere, the pages say too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourhand.client import Client

if TYPE_CHECKING:
    from hourhand.transport import Transport
    from hourhand_admin.web.visit import Visit


class Desk(Client):
    """Goes over the admin's connections; what a form changes is changed in the visitor's name."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(settings=visit.settings)
        self._visit = visit

    @property
    def transport(self) -> Transport:
        return self._visit.transport

    def call(self, function: str, /, *, retry: bool = True, **params: Any) -> Any:
        if self._visit.request.method == "GET":
            return self._visit.transport.call(function, params, retry=retry)
        return self._visit.act(function, **params)
