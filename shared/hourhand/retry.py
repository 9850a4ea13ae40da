"""When a failed run is tried again."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from hourhand.durations import in_seconds
from hourhand.errors import BadPayload
from hourhand.outcome import LONGEST, seconds

_MOST_DOUBLINGS = 64


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff: after the n-th failed attempt `first × factor ** (n - 1)`, at most `cap`.

    With the defaults: 1 s, 2 s, 4 s, 8 s, 16 s, … and from the 13th on 1 h, each longer or shorter by up to
    a tenth (`jitter`), so that runs that failed together do not come back together.

    `never` are exceptions after which no other attempt is made. `by_exception` gives an exception type (and
    its subclasses) a policy of its own; the first entry that fits is used. How often a run is tried is
    `max_attempts` of the task. Durations are seconds or timedeltas, 366 days at most. Raises ValueError.
    """

    first: timedelta | float = 1.0
    factor: float = 2.0
    cap: timedelta | float = 3600.0
    jitter: float = 0.1
    never: tuple[type[BaseException], ...] = ()
    by_exception: Mapping[type[BaseException], "RetryPolicy"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= in_seconds(self.first) <= seconds(self.cap, "cap"):
            raise ValueError(f"first ({self.first!r}) has to be 0 or more and at most cap ({self.cap!r})")
        if not 1 <= self.factor <= 100:
            raise ValueError(f"factor has to be between 1 and 100, not {self.factor!r}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter has to be between 0 and 1, not {self.jitter!r}")

    def delay(
        self,
        attempt: int,
        error: BaseException | None = None,
        *,
        chance: Callable[[], float] = random.random,
    ) -> float | None:
        """Seconds until the attempt after `attempt` (1 = the first), None when there shall be none.

        `chance` gives a number from 0 to 1 and decides the jitter.
        """
        if isinstance(error, (BadPayload, *self.never)):
            return None
        policy = self._policy_for(error)
        if policy is not self:
            return policy.delay(attempt, error, chance=chance)
        doublings = min(max(attempt, 1) - 1, _MOST_DOUBLINGS)
        delay = min(in_seconds(self.first) * self.factor**doublings, in_seconds(self.cap))
        return min(delay * (1 + self.jitter * (2 * chance() - 1)), LONGEST)

    def _policy_for(self, error: BaseException | None) -> "RetryPolicy":
        fitting = (policy for kind, policy in self.by_exception.items() if isinstance(error, kind))
        return next(fitting, self)
