"""What the news mean for one user: a profile, and an insight for each holding. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from examples.news.embeddings import Vector, likeness

MOST_NEWS = 5  # of one holding


@dataclass(frozen=True, slots=True)
class Holding:
    name: str
    about: str
    share: float


@dataclass(frozen=True, slots=True)
class News:
    id: int
    title: str
    vector: Vector
    sentiment: float | None  # None: not analysed yet


@dataclass(frozen=True, slots=True)
class Insight:
    holding: str
    says: str
    sentiment: float | None
    clean_ids: list[int]


def insight(holding: Holding, wanted: Vector, news: Sequence[News], close: float) -> Insight:
    """Say what the news tell that are `close` to `wanted`, the vector of what a holding is about."""
    near = sorted(((likeness(wanted, each.vector), each) for each in news), key=lambda pair: -pair[0])
    concerned = [each for alike, each in near if alike >= close][:MOST_NEWS]
    moods = [each.sentiment for each in concerned if each.sentiment is not None]
    mood = fmean(moods) if moods else None
    return Insight(holding.name, _told(holding, concerned, mood), mood, [each.id for each in concerned])


def profile(holdings: Sequence[Holding], insights: Sequence[Insight]) -> dict[str, Any]:
    """How the holdings are spread, how much of them is in the news, and in which tone."""
    total = sum(holding.share for holding in holdings) or 1.0
    shares = {holding.name: round(holding.share / total, 3) for holding in holdings}
    covered = sum(shares[each.holding] for each in insights if each.clean_ids)
    toned = [(shares[each.holding], each.sentiment) for each in insights if each.sentiment is not None]
    weight = sum(share for share, _ in toned)
    return {
        "shares": shares,
        "concentration": round(sum(share**2 for share in shares.values()), 3),  # 1: all in one holding
        "in_the_news": round(covered, 3),
        "tone": round(sum(share * mood for share, mood in toned) / weight, 3) if weight else None,
    }


def _told(holding: Holding, concerned: Sequence[News], mood: float | None) -> str:
    if not concerned:
        return f"Nothing in the news is about {holding.name}."
    count, whose = ("1 piece", "its") if len(concerned) == 1 else (f"{len(concerned)} pieces", "their")
    tone = "" if mood is None else f", {whose} tone is {_tone(mood)}"
    return f"{count} of news may concern {holding.name}{tone}. The closest: {concerned[0].title}"


def _tone(mood: float) -> str:
    return "good" if mood > 0.2 else "bad" if mood < -0.2 else "mixed"
