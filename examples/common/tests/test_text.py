from pathlib import Path

import pytest

from examples.common.language import Local
from examples.common.pages import read_page
from examples.common.text import _DAMPING, _ranks, likeness, sentences, vectors, weightiest
from examples.news.fetch import Document

SITE = Path(__file__).parents[2] / "stories" / "site"

TEXT = """Boats
The ferry left the harbour at six. Nobody saw the cat.
The harbour master watched the ferry leave! Was the ferry late?"""


def test_the_end_of_a_line_and_of_a_sentence_end_a_sentence() -> None:
    assert sentences(TEXT)[:3] == ["Boats", "The ferry left the harbour at six.", "Nobody saw the cat."]
    assert sentences(" \n ") == []


def test_likeness_goes_from_nothing_in_common_to_the_same_words() -> None:
    one, other, same, empty = vectors(["ferry strike", "coffee beans", "Strike! Ferry!", ""])
    assert likeness(one, other) == 0
    assert round(likeness(one, same), 6) == 1
    assert likeness(one, empty) == likeness(empty, empty) == 0


def test_words_that_few_texts_have_weigh_more() -> None:
    harbour, strike, other = vectors(["harbour ferry", "harbour strike", "harbour ferry boats"])
    assert likeness(harbour, other) > likeness(strike, other)


def test_the_weightiest_sentences_keep_their_order() -> None:
    chosen = weightiest(TEXT, 2)
    assert chosen == ["The ferry left the harbour at six.", "The harbour master watched the ferry leave!"]
    assert weightiest("", 2) == []


def test_ranks_are_the_fixed_point_of_text_rank() -> None:
    points = vectors(sentences(TEXT))
    ranks = _ranks(points)
    for index, one in enumerate(points):
        others = [each for each in range(len(points)) if each != index]
        given = 0.0
        for other in others:
            links = sum(likeness(points[other], each) for place, each in enumerate(points) if place != other)
            given += ranks[other] * likeness(one, points[other]) / links if links else 0.0
        assert ranks[index] == pytest.approx(1 - _DAMPING + _DAMPING * given, abs=1e-4)
    assert ranks[2] == pytest.approx(1 - _DAMPING)  # nobody else has a word about the cat


@pytest.mark.parametrize(
    ("page", "first", "second"),
    [
        (
            "bridge.html",
            "The swing bridge over the canal closes o",
            "The town says that the repair can't wait",
        ),
        (
            "ferry-strike.html",
            "No ferry has left the harbour since dawn",
            "The crews say that tired hands make a fe",
        ),
        (
            "repair-cafe.html",
            "On the first Saturday of each month the ",
            "Forty people came to the opening with to",
        ),
    ],
)
def test_summaries_stay_as_they_are(page: str, first: str, second: str) -> None:
    text = read_page(Document((SITE / page).read_bytes())).text
    chosen = Local().highlights(text, 2)
    assert [each[: len(first)] for each in chosen] == [first, second]
