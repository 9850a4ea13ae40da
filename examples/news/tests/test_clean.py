import unicodedata
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.news.clean import LONGEST_TITLE, Cleaned, canonical_link, clean, plain_text

MARKUP = st.text(st.sampled_from("<>/!?[]&#;-='\" apre\n\t\x00\ud800x"))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One,\n   <b>two</b>.</p><p>Three.</p>", "One, two.\nThree."),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>x</li><li>y</li></ul>", "x\ny"),
        ("<tr><td>Row 1</td><td>12</td></tr>", "Row 1 12"),
        ("19&nbsp;&euro; &amp; &#189; &lt;b&gt;", "19 € & ½ <b>"),
        ("5 < 6 and <b>unclosed", "5 < 6 and unclosed"),
        ("<pre>if x:\n    y()</pre>", "if x:\ny()"),
        ("un<b>broken</b>", "unbroken"),
        ("<!-- hidden --><style>p{}</style><script>1 < 2</script>seen<svg><text>no</text></svg>", "seen"),
        ("</script></svg>still seen", "still seen"),
        ("soft\u00adhyphen\ufeff", "softhyphen"),
        ("深煎りの豆を<b>三種類</b>。&#12288;六百円", "深煎りの豆を三種類。 六百円"),
        ("e\u0301te\u0301", "été"),
        ("<![if !IE]>a<![endif]><![nonsense]>b<![CDATA[c]]>", "ab"),
        ("", ""),
    ],
)
def test_html_becomes_lines_of_plain_text(html: str, text: str) -> None:
    assert plain_text(html) == text


@given(st.one_of(st.text(), MARKUP))
def test_no_html_raises_and_all_text_can_be_stored(html: str) -> None:
    text = plain_text(html)
    assert text == text.strip()
    assert "  " not in text
    assert unicodedata.is_normalized("NFC", text)


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://news.example/a?utm_source=rss&utm_medium=feed", "https://news.example/a"),
        ("https://news.example/a?id=7&fbclid=x&p", "https://news.example/a?id=7&p"),
        ("HTTPS://News.Example:443/Jobs#apply", "https://news.example/Jobs"),
        ("http://news.example:8080", "http://news.example:8080/"),
        ("https://user:secret@news.example/", "https://news.example/"),
        ("https://news.example/記事/a b", "https://news.example/%E8%A8%98%E4%BA%8B/a%20b"),
        ("https://news.example/%E8%A8%98?q=a%20b", "https://news.example/%E8%A8%98?q=a%20b"),
        ("http://[2001:db8::1]:80/x", "http://[2001:db8::1]/x"),
        ("  https://news.example/a\n", "https://news.example/a"),
    ],
)
def test_the_same_address_has_one_form(url: str, canonical: str) -> None:
    assert canonical_link(url) == canonical


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tag:news.example,2026:1",
        "mailto:a@b.example",
        "/relative",
        "http://",
        "http://[x/",
        "http://a:b/",
    ],
)
def test_what_is_no_web_address_has_no_canonical_link(url: str) -> None:
    assert canonical_link(url) is None


@given(st.one_of(st.text(), st.text().map("https://news.example/".__add__)))
def test_a_canonical_link_is_its_own_canonical_link(url: str) -> None:
    link = canonical_link(url)
    if link is not None:
        assert canonical_link(link) == link
        assert urlsplit(link).scheme in {"http", "https"}


def test_an_item_is_cleaned_as_a_whole() -> None:
    cleaned = clean(
        title="Fish market &amp; <i>ice</i>",
        content="<p>Twelve stalls.</p>",
        link="https://news.example/fish?utm_source=x",
        published="Sat, 31 Oct 2026 23:15:00 -0500",
    )
    assert cleaned == Cleaned(
        title="Fish market & ice",
        text="Twelve stalls.",
        link="https://news.example/fish",
        published_at=datetime(2026, 11, 1, 4, 15, tzinfo=UTC),
    )


def test_an_item_without_a_title_is_called_by_its_first_words_or_its_link() -> None:
    lengthy = "wort" * LONGEST_TITLE
    by_text = clean(title="", content=f"<p>{lengthy}</p>", link="", published="").title
    assert by_text.startswith("wort")
    assert by_text.endswith("…")
    assert len(by_text) == LONGEST_TITLE
    assert (
        clean(title="<b> </b>", content="", link="https://a.example", published="").title
        == "https://a.example/"
    )
    assert clean(title="", content="", link="", published="").title == "untitled"
