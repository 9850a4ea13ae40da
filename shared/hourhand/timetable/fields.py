"""The six fields of a cron expression and the pieces they are made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from hourhand.timetable.refusal import BadTiming


@dataclass(frozen=True, eq=False)
class Field:
    """One field: its lowest and highest value, the words for values, and examples to show.

    `hashed_to` is the highest value that H chooses.
    """

    name: str
    low: int
    high: int
    hashed_to: int
    examples: str
    words: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.high - self.low + 1

    def number(self, text: str) -> int | None:
        """The value `text` stands for; None if it stands for none."""
        if not text.isdigit():
            return self.words.get(text)
        value = int(text)
        if self is WEEKDAY and value == 7:
            return 0
        return value if self.low <= value <= self.high else None

    def around(self, first: int, span: int, step: int) -> list[int]:
        """Every `step`-th of `span` values from `first`, going on at the other end of the field."""
        return [(first - self.low + passed) % self.size + self.low for passed in range(0, span, step)]


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

SECOND = Field("second", 0, 59, 59, "0 or */10")
MINUTE = Field("minute", 0, 59, 59, "0 or 5,35 or */15")
HOUR = Field("hour", 0, 23, 23, "9 or 8-17 or */6")
# H keeps to the days that every month has.
DAY = Field("day of month", 1, 31, 28, "1 or 1,15 or L (the last) or 15W (the nearest weekday)")
MONTH = Field("month", 1, 12, 12, "1 or jan or 6-8", {word: n for n, word in enumerate(_MONTHS, 1)})
_OF_WEEK = "1 or mon-fri or mon#2 (the second Monday) or 5L (the last Friday)"
WEEKDAY = Field("day of week", 0, 6, 6, _OF_WEEK, {word: n for n, word in enumerate(_WEEKDAYS)})

FIELDS = (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY)


@dataclass(frozen=True)
class Piece:
    """What stands between two commas, in lower case, and where it begins in `cron`, the whole text."""

    field: Field
    text: str
    start: int
    cron: str

    def refuse(self, problem: str, hint: str) -> NoReturn:
        raise BadTiming(
            f"{self.field.name} {self._written!r} {problem} (character {self.start + 1} of {self.cron!r})",
            hint,
            field="cron",
            part=self.field.name,
            position=self.start,
        )

    @property
    def _written(self) -> str:
        return self.cron[self.start : self.start + len(self.text)]


def pieces(of: Field, text: str, start: int, cron: str) -> Iterator[Piece]:
    """The pieces of a field whose `text` begins at `start` of `cron`."""
    for part in text.split(","):
        yield Piece(of, part.lower(), start, cron)
        start += len(part) + 1
