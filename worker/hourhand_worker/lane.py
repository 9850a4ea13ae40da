"""What a lane is: a way to run attempts."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from hourhand_worker.attempt import Attempt

Conclusion = tuple[Attempt, object, BaseException | None]
"""An attempt with what it returned or raised."""

Begin = Callable[[Attempt], dict[str, Any]]
"""Called right before the task's function, in its thread and context; gives its arguments, or raises."""

End = Callable[[Sequence[Conclusion]], None]


class Lane(Protocol):
    def put(self, attempts: Sequence[Attempt]) -> None:
        """Run them as soon as possible."""
        ...

    def interrupt(self, attempt: Attempt) -> None:
        """Interrupt it, if it can be."""
        ...

    def look(self) -> None:
        """See to it that what waits is run, where the system gave no thread for it before."""
        ...

    def close(self, timeout: float) -> None: ...
