from collections.abc import Iterator

import pytest

from examples.common.language import Local, Model, language, model
from examples.common.tests.endpoint import Endpoint, Refusal, serving
from hourhand import Discard, Retry


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    with serving() as endpoint:
        for name, value in endpoint.environment().items():
            monkeypatch.setenv(name, value)
        yield endpoint


def test_without_a_key_language_is_understood_locally(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    told = language()
    assert isinstance(told, Local)
    text = "A heading\nThe coffee is wonderful. Tasters love the coffee! Nobody was asked.\nMore"
    assert told.highlights(text, 2) == ["The coffee is wonderful.", "Tasters love the coffee!"]
    assert told.summary("only a label") == "only a label"
    assert told.sentiment("wonderful and fresh") > 0.5 > -0.5 > told.sentiment("terrible, broken and late")


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("The crews fear a terrible winter.", -1),
        ("A wonderful loaf", 1),
        ("Die Stadt baut eine neue Brücke für die Straßenbahn.", 0),
        ("A câmara abre no sábado uma nova estação.", 0),
    ],
)
def test_a_lexicon_of_english_says_nothing_about_other_languages(text: str, mood: int) -> None:
    told = Local().sentiment(text)
    assert (told > 0.4) - (told < -0.4) == mood
    assert mood or told == 0


def test_what_is_cut_short_is_no_sentence_and_one_without_an_end_is_cut() -> None:
    teaser = "The ferry runs again. Two boats are... Continue reading..."
    assert Local().highlights(teaser, 3) == ["The ferry runs again."]
    captions = Local().summary("and then we took the blade off " * 1000)
    assert (len(captions), captions[-1]) == (500, "…")


def test_keys_choose_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", "a key")
    assert "googleapis" in vars(language())["url"]
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    monkeypatch.setenv("HOURHAND_EXAMPLE_MODEL", "small")
    assert language().name == "small"


def test_a_model_is_asked(endpoint: Endpoint) -> None:
    endpoint.reply = lambda instruction, text: "- One.\n\n2. Two.\n* Three."
    assert language().highlights("text", 2) == ["One.", "Two."]
    endpoint.reply = lambda instruction, text: " -0.5 "
    assert language().sentiment("text") == -0.5
    assert endpoint.asked == ["text", "text"]


@pytest.mark.parametrize("reply", ["rather good", "7", "nan"])
def test_a_model_that_gives_no_number_is_asked_again(endpoint: Endpoint, reply: str) -> None:
    endpoint.reply = lambda instruction, text: reply
    with pytest.raises(Retry, match=f"gave '{reply}' for a number from -1 to 1"):
        language().sentiment("text")


def test_a_busy_endpoint_is_asked_again_when_it_says(endpoint: Endpoint) -> None:
    endpoint.reply = lambda instruction, text: Refusal(429, "too many requests", {"Retry-After": "9"})
    with pytest.raises(Retry, match=r"answers 429: too many requests$") as busy:
        language().summary("text")
    assert busy.value.after == 9
    endpoint.reply = lambda instruction, text: ""
    with pytest.raises(Retry, match="gave an empty answer"):
        language().summary("text")


@pytest.mark.parametrize(
    "garbage",
    [
        "<html>Welcome</html>",
        [1],
        {"choices": [{"message": None}], "data": None},
        {"choices": [{"message": {"content": ["Yes."]}}], "data": [{"index": 1, "embedding": [1.0]}]},
        {"choices": 1, "data": [{"index": 0, "embedding": [float("nan")]}]},
    ],
)
def test_an_endpoint_that_is_none_is_told(endpoint: Endpoint, garbage: object) -> None:
    endpoint.whole = garbage
    told = model()
    assert told is not None
    for ask in (lambda: told.summary("text"), lambda: told.vectors(["text"])):
        with pytest.raises(
            Retry, match=r"/v1 answers, but not as OpenAI's API does: is its address right\?$"
        ):
            ask()


def test_vectors_of_any_length_are_made_comparable(endpoint: Endpoint) -> None:
    endpoint.whole = {"data": [{"index": 1, "embedding": [0, 2]}, {"index": 0, "embedding": [3, 4]}]}
    told = model()
    assert told is not None
    assert told.vectors(["one", "other"]) == [[0.6, 0.8], [0.0, 1.0]]
    assert told.vectors([]) == []


def test_an_answer_is_what_a_database_can_store(endpoint: Endpoint) -> None:
    endpoint.reply = lambda instruction, text: "Yes\0.\ud800"
    assert language().summary("text") == "Yes."


def test_a_wrong_key_is_not_tried_again(endpoint: Endpoint) -> None:
    endpoint.reply = lambda instruction, text: Refusal(401, "no such key")
    with pytest.raises(Discard, match=r"answers 401: no such key$"):
        language().summary("text")


def test_an_endpoint_that_is_down_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(Retry, match=r"the language endpoint http://127.0.0.1:9/v1 can't be reached: "):
        Model("a key", "http://127.0.0.1:9/v1", "any").answer("question")
