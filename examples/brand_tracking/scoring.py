"""How a brand does in one answer. Pure functions, but for the sentiment that they are given."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from examples.common.text import sentences

Names = Sequence[str]


@dataclass(frozen=True, slots=True)
class Score:
    present: bool
    position: int | None = None
    sentiment: float | None = None


def score(answer: str, brand: Names, others: Sequence[Names], sentiment: Callable[[str], float]) -> Score:
    """Whether one of the names of a brand occurs, before how many others, and in what tone.

    The position is 1 where the answer names no other brand before it.
    """
    place = first_mention(answer, brand)
    if place is None:
        return Score(present=False)
    before = [other for other in others if _is_before(first_mention(answer, other), place)]
    about = " ".join(each for each in sentences(answer) if first_mention(each, brand) is not None)
    return Score(present=True, position=1 + len(before), sentiment=round(sentiment(about), 3))


def first_mention(text: str, names: Names) -> int | None:
    """Where the first of the names stands as words of their own, however they are written."""
    any_name = "|".join(re.escape(name) for name in names)
    found = re.search(rf"(?<!\w)(?:{any_name})(?!\w)", text, re.IGNORECASE)
    return found.start() if found else None


def _is_before(place: int | None, other: int) -> bool:
    return place is not None and place < other
