import pytest

from examples.common.pages import decode, get, read_page
from examples.news.fetch import Document
from examples.news.tests.web import Answer, serving
from hourhand import Discard, Retry


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("café".encode(), ""),
        ("café".encode("utf-8-sig"), "text/html; charset=latin-1"),
        ("café".encode("utf-16"), ""),
        ("café".encode("cp1252"), "text/html; charset=utf-8"),  # wrongly declared
        ("café".encode("latin-1"), "text/html; charset=iso-8859-1"),
        ("café".encode(), "text/html; charset=no-such-thing"),
    ],
)
def test_text_is_read_in_the_encoding_it_has(body: bytes, content_type: str) -> None:
    assert decode(body, content_type) == "café"


def test_what_no_database_can_store_is_left_out() -> None:
    assert decode(b"a\x00b") == "ab"


def test_a_page_is_its_title_and_its_article() -> None:
    html = b"<title>A &amp;\n b</title><nav>Home</nav><main><h1>A</h1><p>Text.</p></main><footer>Us</footer>"
    page = read_page(Document(html))
    assert (page.title, page.text) == ("A & b", "A\nText.")
    assert read_page(Document(b"")).text == ""


def test_trouble_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as web:
        web.answers["/busy"] = Answer(status=503, headers={"Retry-After": "7"})
        with pytest.raises(Retry, match="answers 503") as busy:
            get(web.url("/busy"))
        assert busy.value.after == 7
        with pytest.raises(Discard, match="answers 404"):
            get(web.url("/missing"))
