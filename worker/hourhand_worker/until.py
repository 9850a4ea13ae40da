"""When a worker has done enough."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Until:
    """When a worker ends by itself: after one claim, when nothing is runnable, after so much."""

    once: bool = False
    drain: bool = False
    runs: int | None = None
    seconds: float | None = None

    @property
    def passing(self) -> bool:
        """Whether it is there for what there is now, and not to wait for more."""
        return self.once or self.drain
