import pytest

from examples.brand_tracking.scoring import Score, first_mention, score

ANSWER = "Everybody knows Montebruno. Fjord Kaffe is wonderful, and Kestrel & Sons is late."
FJORD, KESTREL, MONTEBRUNO = ("Fjordkaffe", "Fjord Kaffe"), ("Kestrel & Sons",), ("Montebruno",)


def test_a_brand_is_placed_among_those_named_before_it() -> None:
    assert score(ANSWER, FJORD, [KESTREL, MONTEBRUNO], len) == Score(present=True, position=2, sentiment=53)
    assert score(ANSWER, KESTREL, [FJORD, MONTEBRUNO], len) == Score(present=True, position=3, sentiment=53)
    assert score(ANSWER, MONTEBRUNO, [FJORD, KESTREL], len) == Score(present=True, position=1, sentiment=27)


def test_a_brand_that_is_not_named_has_neither_position_nor_sentiment() -> None:
    assert score(ANSWER, ("Tchibo",), [FJORD], len) == Score(present=False)


@pytest.mark.parametrize(
    ("text", "place"),
    [("We like FJORD KAFFE.", 8), ("Fjordkaffes", None), ("(Fjordkaffe)", 1), ("a Fjord-Kaffe", None)],
)
def test_names_are_words_of_their_own_however_they_are_written(text: str, place: int | None) -> None:
    assert first_mention(text, FJORD) == place


def test_a_name_may_begin_and_end_with_anything() -> None:
    assert first_mention("Try C++ coffee", ("C++",)) == 4
    assert first_mention("Try .coffee!", (".coffee!",)) == 4
