"""What needs an understanding of language: by a model behind an OpenAI-compatible endpoint, else locally.

OPENAI_API_KEY (with OPENAI_BASE_URL for any endpoint that speaks the same) or GEMINI_API_KEY
chooses a model, HOURHAND_EXAMPLE_MODEL which one,
HOURHAND_EXAMPLE_EMBEDDINGS the one for vectors. Without a key, summaries and highlights are the sentences
that TextRank finds, and sentiment is VADER's, a lexicon of English: 0 for a text in another language.
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

from loguru import logger
from pydantic import BaseModel, FiniteFloat

from examples.common.settings import setting
from examples.common.text import is_english, sentences, shortened, weightiest
from examples.news.feed import storable
from examples.news.fetch import retry_after
from hourhand import Discard, Retry

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI

TIMEOUT = 60.0  # seconds for an answer
LONGEST_TEXT = 24_000  # characters of a text that are sent
_GEMINI = "https://generativelanguage.googleapis.com/v1beta/openai/"
_AGAIN_LATER = frozenset({408, 409, 429})  # the 4xx that are about the moment
LONGEST_SENTENCE = 500  # characters; what is said without full stops, as in captions, is all one sentence
_WHOLE = re.compile(r"(?<!\.\.)[.!?。！？][\"'”’)]*$")  # what ends in "..." was cut short, or only leads on
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s*")


class Language(Protocol):
    @property
    def name(self) -> str: ...

    def summary(self, text: str) -> str:
        """Two or three sentences."""
        ...

    def highlights(self, text: str, count: int) -> list[str]:
        """Up to `count` sentences that say something of their own."""
        ...

    def sentiment(self, text: str) -> float:
        """From -1 (bad) to 1 (good)."""
        ...


class _Message(BaseModel):
    content: str | None


class _Choice(BaseModel):
    message: _Message


class _Chat(BaseModel):
    choices: list[_Choice] | None


class _Embedding(BaseModel):
    index: int
    embedding: list[FiniteFloat]


class _Embeddings(BaseModel):
    data: list[_Embedding]


def language() -> Language:
    return model() or Local()


def model() -> "Model | None":
    """The model that the settings choose, if they do."""
    if key := setting("OPENAI_API_KEY"):
        url = setting("OPENAI_BASE_URL", "https://api.openai.com/v1")
        return Model(key, url, _named("MODEL", "gpt-4o-mini"), _named("EMBEDDINGS", "text-embedding-3-small"))
    if key := setting("GEMINI_API_KEY"):
        return Model(
            key, _GEMINI, _named("MODEL", "gemini-2.0-flash"), _named("EMBEDDINGS", "gemini-embedding-001")
        )
    return None


def _named(kind: str, default: str) -> str:
    return setting(f"HOURHAND_EXAMPLE_{kind}", default)


class Local:
    name = "TextRank and VADER"

    def summary(self, text: str) -> str:
        return " ".join(self.highlights(text, 2))

    def highlights(self, text: str, count: int) -> list[str]:
        return [shortened(each, LONGEST_SENTENCE) for each in weightiest(_telling(text), count)]

    def sentiment(self, text: str) -> float:
        # Else the German "die" would be bad news, and the Portuguese "no" too.
        return _vader(text) if is_english(text) else 0.0


@dataclass(frozen=True)
class Model:
    """A chat model. Raises Retry for what may pass (no answer, a rate limit), Discard for what will not."""

    key: str
    url: str
    name: str
    embedding_name: str = "text-embedding-3-small"

    def summary(self, text: str) -> str:
        return self._ask("Summarise the text in two or three plain sentences, in its own language.", text)

    def highlights(self, text: str, count: int) -> list[str]:
        wanted = f"Give the {count} most telling statements of the text, one short sentence on each line."
        lines = (_BULLET.sub("", line).strip() for line in self._ask(wanted, text).splitlines())
        return [line for line in lines if line][:count]

    def sentiment(self, text: str) -> float:
        told = self._ask("How good is what the text says? Answer with one number from -1 to 1 only.", text)
        return self._number(told, least=-1)

    def fitness(self, wish: str, offer: str) -> tuple[float, str]:
        """How well an offer suits a wish, from 0 to 1, and why."""
        wanted = (
            "How well does the offer suit the wish? Answer with a number from 0 to 1, then say why in a line."
        )
        number, *why = self._ask(wanted, f"Wish: {wish}\n\nOffer: {offer}").split(maxsplit=1)
        return self._number(number.rstrip(",.:;"), least=0), shortened("".join(why), LONGEST_SENTENCE)

    def answer(self, question: str) -> str:
        return self._ask(
            "Answer as you would answer a customer, and name the brands you would name.", question
        )

    def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """An embedding for each text, of length 1."""
        if not texts:
            return []
        with self._explained(f"{len(texts)} embeddings"):
            answer = _client(self.key, self.url).embeddings.create(
                model=self.embedding_name,
                input=[text[:LONGEST_TEXT] or " " for text in texts],
                encoding_format="float",
            )
            found = _Embeddings.model_validate(answer, from_attributes=True).data
            return [_of_length_1(vector) for vector in _in_order(found, len(texts))]

    def _number(self, told: str, least: int) -> float:
        try:
            value = float(told)
        except ValueError:
            value = math.nan
        if not least <= value <= 1:
            raise Retry(reason=f"the model {self.name} gave {told[:80]!r} for a number from {least} to 1")
        return value

    def _ask(self, instruction: str, text: str) -> str:
        with self._explained(instruction):
            answer = _client(self.key, self.url).chat.completions.create(
                model=self.name,
                messages=[
                    {"role": "system", "content": instruction},
                    {"role": "user", "content": text[:LONGEST_TEXT]},
                ],
            )
            choices = _Chat.model_validate(answer, from_attributes=True).choices
        told = storable(choices[0].message.content or "").strip() if choices else ""
        if not told:
            raise Retry(reason=f"the model {self.name} gave an empty answer")
        return told

    @contextmanager
    def _explained(self, request: str) -> Iterator[None]:
        """Turns what the endpoint refuses into an outcome with a reason; LOG_OPENAI=1 logs each request."""
        from openai import APIConnectionError, APIStatusError

        if setting("LOG_OPENAI").lower() in ("1", "true", "yes", "on"):
            logger.info("asking {}: {}", self.url, request)
        try:
            yield
        except APIConnectionError as error:
            why = error.__cause__ or error
            raise Retry(reason=f"the language endpoint {self.url} can't be reached: {why}") from error
        except APIStatusError as error:
            raise self._refusal(error) from error
        except ValueError as error:  # the client believes any answer with status 200
            said = "answers, but not as OpenAI's API does: is its address right?"
            raise Retry(reason=f"the language endpoint {self.url} {said}") from error

    def _refusal(self, error: "APIStatusError") -> Retry | Discard:
        status = error.status_code
        said = error.body.get("message") if isinstance(error.body, dict) else None
        what = shortened(said or error.message, LONGEST_SENTENCE)  # it may be a whole web page
        reason = f"the language endpoint {self.url} answers {status}: {what}"
        if status in _AGAIN_LATER or status >= 500:
            return Retry(retry_after(error.response.headers), reason=reason)
        return Discard(reason)


@cache
def _client(key: str, url: str) -> "OpenAI":
    from openai import OpenAI

    # Retries are hourhand's: they are seen, counted, and survive the worker.
    return OpenAI(api_key=key, base_url=url, timeout=TIMEOUT, max_retries=0)


@cache
def _analyzer():  # type: ignore[no-untyped-def]  # the library is untyped
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # type: ignore[import-untyped]

    return SentimentIntensityAnalyzer()


def _in_order(found: Sequence[_Embedding], count: int) -> list[list[float]]:
    vectors = {each.index: each.embedding for each in found}
    if vectors.keys() != set(range(count)) or len(set(map(len, vectors.values()))) != 1:
        raise ValueError(f"these are not vectors of {count} texts")
    return [vectors[index] for index in range(count)]


def _of_length_1(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else vector


def _telling(text: str) -> str:
    """The sentences that end as sentences do, without headings and labels; the text where none does."""
    return "\n".join(each for each in sentences(text) if _WHOLE.search(each)) or text


def _vader(text: str) -> float:
    return float(_analyzer().polarity_scores(text)["compound"])
