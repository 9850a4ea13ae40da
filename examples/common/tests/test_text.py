from examples.common.text import likeness, sentences, vectors, weightiest

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
