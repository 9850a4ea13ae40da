"""How well a posting suits somebody. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from examples.common.text import words
from examples.company_watch.postings import Posting

GOOD_ENOUGH = 0.3
ANY = 0.01  # at least one word
_TITLE, _TEXT = 1.0, 0.5  # what a wished word counts where it is found


@dataclass(frozen=True, slots=True)
class Wish:
    """Words of the job looked for, and places; no places are all."""

    words: Sequence[str]
    places: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Match:
    posting_id: int
    score: float  # 0 to 1
    reason: str


def suits(posting_id: int, posting: Posting, wish: Wish, least: float = GOOD_ENOUGH) -> Match | None:
    """Say how far a posting has the wished words; a wrong place halves it. None below `least`."""
    title, text = words(posting.title), words(posting.text)
    found = {word: _TITLE if _in(word, title) else _TEXT for word in wish.words if _in(word, title + text)}
    near = _near(posting, wish.places)
    score = sum(found.values()) / max(1, len(wish.words)) * (1.0 if near else 0.5)
    if score < least:
        return None
    where = f"is in {posting.place}" if posting.place else "does not say where"
    reason = "has " + ", ".join(found) + ("" if near else f", but {where}")
    return Match(posting_id, round(min(score, 1.0), 2), reason)


def _in(wish: str, found: Sequence[str]) -> bool:
    """Whether a word begins with the wished one: `engineer` is in `engineering`."""
    return any(word.startswith(wish.casefold()) for word in found)


def _near(posting: Posting, places: Sequence[str]) -> bool:
    """Whether it is at one of the places; "(remote)" is often said in the title only."""
    said = f"{posting.place} {posting.title}".casefold()
    return not places or any(wished.casefold() in said for wished in places)
