"""Likeness and weight of texts, by the words in them: TF-IDF vectors, cosine, and TextRank. Pure functions.

Made for languages that put spaces between words.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import mul

MOST_SENTENCES = 120  # of a text that is ranked: the work grows with their square
Vector = Mapping[str, float]

_WORD = re.compile(r"[^\W\d_]{2,}|\d+")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)]*\s+|\s*\n+\s*")
_COMMON = frozenset(
    """a about after all also an and any are as at be because been before but by can could did do does for
    from had has have he her his how if in into is it its just like may more most my no not of on one or
    other our out over said she so some than that the their them then there these they this to two up was
    we were what when which who will with would you your""".split()  # noqa: SIM905
)
# Small words of English, and of German, Dutch, French, Italian, Portuguese and Spanish: none that
# English has too, be it in names and addresses ("die", "no", "per", "la", "van", "com").
_OF_ENGLISH = frozenset(
    """and are at been but by for from has have he his is it not of she that the their they this to was were
    which who with you""".split()  # noqa: SIM905
)
_OF_OTHERS = frozenset(
    """auch auf aus bei das dem ein eine einem einen einer es für ist mit nach nicht sich sind und vom wie
    wird zu zum zur dat een het niet voor zijn au aux avec ce dans des du et ou pas pour qui une
    alla che con del della gli nel più sono una ao aos em foi mais na não nas nos os ou para pela
    pelo por que são se seu sua um uma en este los las más pero su un""".split()  # noqa: SIM905
)
_DAMPING, _ROUNDS = 0.85, 30


def sentences(text: str) -> list[str]:
    """The sentences of a text; the end of a line ends a sentence too."""
    return [each.strip() for each in _SENTENCE_END.split(text) if each and each.strip()]


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and "…" where it has more than `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.casefold()) if word not in _COMMON]


def is_english(text: str) -> bool:
    """Whether its small words are not those of another language; where there are none, it may be."""
    small = Counter(_WORD.findall(text.casefold()))
    english, others = (sum(small[word] for word in known) for known in (_OF_ENGLISH, _OF_OTHERS))
    return others <= english


def vectors(texts: Sequence[str]) -> list[Vector]:
    """A vector of length 1 for each text: words that few of the texts have weigh most."""
    counts = [Counter(words(text)) for text in texts]
    spread = Counter(word for count in counts for word in count)
    return [
        _unit({word: n * math.log(1 + len(texts) / spread[word]) for word, n in each.items()})
        for each in counts
    ]


def likeness(one: Vector, other: Vector) -> float:
    """The cosine of two vectors of length 1: from 0 (no word in common) to 1."""
    small, large = sorted((one, other), key=len)
    return sum(weight * large.get(word, 0.0) for word, weight in small.items())


def weightiest(text: str, count: int) -> list[str]:
    """The `count` sentences that the others have most in common with, in the order of the text."""
    units = list(dict.fromkeys(sentences(text)))[:MOST_SENTENCES]
    ranks = _ranks(vectors(units))
    best = sorted(range(len(units)), key=lambda index: -ranks[index])[:count]
    return [units[index] for index in sorted(best)]


def _unit(vector: dict[str, float]) -> Vector:
    length = math.hypot(*vector.values())
    return {word: weight / length for word, weight in vector.items()} if length else vector


def _ranks(points: Sequence[Vector]) -> list[float]:
    """TextRank (Mihalcea & Tarau 2004): PageRank over sentences that are linked by their likeness."""
    links = [[likeness(one, other) if one is not other else 0.0 for other in points] for one in points]
    totals = [sum(row) for row in links]
    ranks = [1.0] * len(points)
    for _ in range(_ROUNDS):
        shares = [rank / total if total else 0.0 for rank, total in zip(ranks, totals, strict=True)]
        ranks = [1 - _DAMPING + _DAMPING * sum(map(mul, row, shares)) for row in links]
    return ranks
