"""Texts as vectors of length 1, the closer the more alike: by a model, else by feature hashing.

The local method is no model of language. It counts words, by how often they occur, into a fixed number of
places that a hash chooses (Weinberger et al. 2009): texts are alike when they share words.
"""

import math
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from operator import mul
from struct import iter_unpack
from typing import Protocol

from examples.common.language import model
from examples.common.text import words

PLACES = 2048  # the fewer, the more words share one by chance
PLACES_OF_A_WORD = 8  # with one only, a short text is like another as soon as two of their words share it
Vector = Sequence[float]


class Embedder(Protocol):
    @property
    def embedding_name(self) -> str:
        """Vectors of different names can't be compared."""
        ...

    def vectors(self, texts: Sequence[str]) -> Sequence[Vector]: ...


class Hashing:
    embedding_name = f"hashing-{PLACES}-{PLACES_OF_A_WORD}"

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
    vector = [0.0] * PLACES
    for word, count in Counter(words(text)).items():
        digest = blake2b(word.encode(), digest_size=4 * PLACES_OF_A_WORD).digest()
        for (number,) in iter_unpack("<I", digest):
            # A sign from the hash lets words that fall on one place cancel out, not add up.
            vector[number % PLACES] += (1 + math.log(count)) * (1 if number >> 31 else -1)
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else vector
