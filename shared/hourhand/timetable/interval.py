"""A fixed distance in elapsed time, from an anchor: it never drifts and knows no clock changes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """The instants `anchor` + k × `every` for all integers k, in microseconds."""

    anchor: int
    every: int

    def first(self, start: int, end: int) -> int | None:
        at = start + (self.anchor - start) % self.every
        return at if at < end else None

    def last(self, start: int, end: int) -> int | None:
        at = end - 1 - (end - 1 - self.anchor) % self.every
        return at if at >= start else None

    def count(self, start: int, end: int) -> int:
        return (end - 1 - self.anchor) // self.every - (start - 1 - self.anchor) // self.every
