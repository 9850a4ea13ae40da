"""Texts as vectors of length 1, the closer the more alike: by a model, else by feature hashing.

The local method is no model of language. It counts words and pairs of words, by how often they occur, into
a fixed number of places that a hash chooses (Weinberger et al. 2009): texts are alike when they share words.
"""

import math
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from operator import mul
from typing import Protocol

from examples.common.language import model
from examples.common.text import words

PLACES = 2048  # the fewer, the more words share one by chance
Vector = Sequence[float]


class Embedder(Protocol):
    @property
    def embedding_name(self) -> str:
        """Vectors of different names can't be compared."""
        ...

    def vectors(self, texts: Sequence[str]) -> Sequence[Vector]: ...


class Hashing:
    embedding_name = f"hashing-{PLACES}"

    def vectors(self, texts: Sequence[str]) -> list[Vector]:
        return [_hashed(text) for text in texts]


def embedder() -> Embedder:
    return model() or Hashing()


def close(embedder: Embedder) -> float:
    """From which likeness on two texts are about the same: models put strange texts closer than words do."""
    return 0.1 if isinstance(embedder, Hashing) else 0.35


def likeness(one: Vector, other: Vector) -> float:
    """The cosine of two vectors of length 1."""
    return sum(map(mul, one, other), 0.0)


def _hashed(text: str) -> Vector:
    found = words(text)
    counts = Counter([*found, *map(" ".join, pairwise(found))])
    vector = [0.0] * PLACES
    for feature, count in counts.items():
        digest = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest())
        # A sign from the hash lets features that fall on one place cancel out, not add up.
        vector[digest % PLACES] += (1 + math.log(count)) * (1 if digest >> 63 else -1)
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else vector
