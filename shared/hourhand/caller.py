"""Who calls the functions of the database: a client, or somebody in its place."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from hourhand.settings import Settings


class Caller(Protocol):
    @property
    def settings(self) -> Settings: ...

    def call(self, function: str, /, *, retry: bool = True, **params: Any) -> Any:
        """The answer of one of the database's functions; None leaves a parameter out."""

    def now(self) -> datetime:
        """The database's clock; in UTC."""
        ...
