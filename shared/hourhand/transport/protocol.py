"""What every way to the database has in common."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable


class Listener(Protocol):
    """Hints from the database, delivered until it is closed."""

    @property
    def working(self) -> bool:
        """Whether a hint that was sent as a test has arrived since the last (re)connection."""
        ...

    def close(self) -> None: ...


class Transport(Protocol):
    """Calls the functions of the schema `hourhand`. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """`postgres` or `supabase`."""
        ...

    def call(self, function: str, params: Mapping[str, object] | None = None, *, retry: bool = True) -> Any:
        """The decoded answer of one function.

        Parameters are given by name: str, int, float, bool, aware datetime, timedelta, UUID; dict and list
        as jsonb; None leaves the parameter out, so that the function's own default applies. Every function
        is safe to repeat, so transient failures are retried unless `retry` is False.

        Raises the TransportErrors: Unavailable, Timeout, Denied, ContractMismatch, BadInput, NotFound,
        Conflict.
        """
        ...

    def listen(self, channels: Sequence[str], notify: Callable[[str], None]) -> Listener | None:
        """Calls `notify(channel)` from another thread when a hint arrives; None where there are no hints."""
        ...

    def close(self) -> None:
        """Ends the connections; a call that waits for its next attempt gives up."""
        ...


@runtime_checkable
class Copying(Protocol):
    """A transport that can also write rows by COPY."""

    def copy_runs(self, columns: Sequence[str], lines: Iterable[bytes]) -> int:
        """Writes lines of COPY's text format into job_runs, all or none of them, and says how many.

        It is not repeated: Unavailable leaves open whether they were written. Raises Denied where row
        security forbids it, and the other TransportErrors.
        """
        ...
