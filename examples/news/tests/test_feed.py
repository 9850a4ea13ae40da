import json
import re
from pathlib import Path

import pytest

from examples.news.clean import clean
from examples.news.feed import LONGEST_GUID, BrokenFeed, Feed, Item, read_feed


def read(path: Path) -> Feed:
    return read_feed(path.read_bytes())


def titles(feed: Feed) -> list[str]:
    return [
        clean(title=item.title, content=item.content, link=item.link, published="").title
        for item in feed.items
    ]


def rss(*items: str) -> bytes:
    return f"<rss version='2.0'><channel>{''.join(items)}</channel></rss>".encode()


def the_item(xml: str) -> Item:
    (item,) = read_feed(rss(xml)).items
    return item


@pytest.mark.parametrize(
    ("name", "items", "skipped"),
    [
        ("harbour-gazette", 3, 0),  # RSS 2.0
        ("signal-box", 3, 0),  # Atom
        ("tide-journal", 2, 0),  # RSS 1.0
        ("allotment-notes", 2, 0),  # content:encoded
        ("jornal-da-serra", 2, 0),  # Latin-1
        ("radio-costa", 2, 0),  # Windows-1252 that says nothing of it
        ("tokyo-kissa", 1, 0),
        ("sparse-items", 4, 1),
        ("cut-short", 2, 1),
        ("quiet-channel", 0, 0),
    ],
)
def test_each_own_feed_is_read(own_feeds: Path, name: str, items: int, skipped: int) -> None:
    feed = read(own_feeds / f"{name}.xml")
    assert (len(feed.items), feed.skipped) == (items, skipped)


@pytest.mark.parametrize(
    ("name", "items"),
    [
        ("content-encoded.rss", 7),
        ("craigslist.rss", 25),
        ("encoding.rss", 40),
        ("feedburner.atom", 25),
        ("guardian.rss", 55),
        ("heise.atom", 15),
        ("missing-fields.atom", 1),
        ("reddit.rss", 24),
        ("rss-1.rss", 69),
        ("uolNoticias.rss", 15),
    ],
)
def test_each_real_feed_is_read(real_feeds: Path, name: str, items: int) -> None:
    feed = read(real_feeds / name)
    assert len(feed.items) == items
    for item in feed.items:
        cleaned = clean(title=item.title, content=item.content, link=item.link, published=item.published)
        assert not re.search("</(p|a|b|div|td)>", cleaned.text)
        assert (cleaned.published_at is not None) == (name != "missing-fields.atom")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unrecognized.rss", "this is a web page, not a feed: 'Document Moved'"),
        ("incomplete-fields.atom", "no entry (of 1) has an id, a link, a title or any text"),
    ],
)
def test_each_real_broken_feed_says_why(real_feeds: Path, name: str, reason: str) -> None:
    with pytest.raises(BrokenFeed) as broken:
        read(real_feeds / name)
    assert str(broken.value) == reason


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "the document is empty"),
        (b" \n", "the document is empty"),
        (
            json.dumps({"version": "jsonfeed"}).encode(),
            'this is not XML: it begins with \'{"version": "jsonfeed"}\'',
        ),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "this is not XML"),
        (
            b"<!-- a --><!DOCTYPE html>\n<HTML><title>Page\n gone</title>",
            "this is a web page, not a feed: 'Page gone'",
        ),
        (b"<?xml version='1.0'?><catalog><book/></catalog>", "<catalog> is no known kind of feed"),
        (
            b"<rss version='2.0'><channel><title>x</channel>",
            "the XML is damaged and no entry could be read: mismatched",
        ),
        (rss("<item><author/></item>"), "no entry (of 1) has"),
        (rss("<item><title>&#xD800;</title></item>"), "feedparser can't read it: UnicodeEncodeError"),
    ],
)
def test_a_broken_document_says_why(document: bytes, reason: str) -> None:
    with pytest.raises(BrokenFeed) as broken:
        read_feed(document)
    assert str(broken.value).startswith(reason)


def test_the_own_broken_feed_is_a_web_page(own_feeds: Path) -> None:
    with pytest.raises(BrokenFeed, match="web page, not a feed: 'We have moved'"):
        read(own_feeds / "moved-away.xml")


def test_a_damaged_feed_keeps_what_can_be_read_and_warns(own_feeds: Path) -> None:
    feed = read(own_feeds / "cut-short.xml")
    assert titles(feed) == ["First item, complete", "Second item, complete"]
    assert feed.warning == "no element found (line 21)"


def test_texts_survive_every_encoding(own_feeds: Path) -> None:
    assert (
        titles(read(own_feeds / "jornal-da-serra.xml"))[0] == "Câmara aprova ligação de autocarro à estação"
    )
    assert titles(read(own_feeds / "radio-costa.xml"))[0] == "Maré alta fecha a “estrada velha” até às 18h"
    assert titles(read(own_feeds / "tokyo-kissa.xml")) == ["冬のブレンド、はじめました"]
    utf16 = "<?xml version='1.0' encoding='UTF-16'?><rss version='2.0'><channel><item><title>Ωμέγα</title>"
    assert titles(read_feed(f"{utf16}</item></channel></rss>".encode("utf-16"))) == ["Ωμέγα"]


def test_the_content_type_of_the_answer_names_the_encoding() -> None:
    document = "<rss version='2.0'><channel><item><title>žluťoučký</title></item></channel></rss>".encode(
        "iso-8859-2"
    )
    feed = read_feed(document, content_type="application/rss+xml; charset=iso-8859-2")
    assert titles(feed) == ["žluťoučký"]


def test_plain_text_that_looks_like_markup_is_not_stripped(own_feeds: Path) -> None:
    code, _, plain = read(own_feeds / "signal-box.xml").items
    assert (
        clean(title=code.title, content="", link="", published="").title
        == "Why Queue<T> needed a second door"
    )
    text = clean(title="", content=plain.content, link="", published="").text
    assert text == "No <b>markup</b> here, only angle brackets."


def test_the_full_text_wins_over_the_summary(own_feeds: Path) -> None:
    leeks, robin = read(own_feeds / "allotment-notes.xml").items
    assert "The thick ones first." in leeks.content
    assert "He sat on the fork" in robin.content


def test_the_real_link_wins_over_the_counting_one(own_feeds: Path) -> None:
    assert (
        read(own_feeds / "allotment-notes.xml")
        .items[0]
        .link.startswith("https://allotment-notes.example/leeks.html")
    )


def test_relative_links_start_at_the_feed() -> None:
    feed = read_feed(rss("<item><link>/a</link></item>"), url="https://news.example/feeds/all.xml")
    assert feed.items[0].link == "https://news.example/a"


def test_the_identity_of_an_item_is_its_guid_else_its_link_else_a_digest() -> None:
    assert (
        the_item("<item><guid isPermaLink='false'> g-1 </guid><link>https://a.example/1</link></item>").guid
        == "g-1"
    )
    assert the_item("<item><link>https://a.example/1</link></item>").guid == "https://a.example/1"
    untagged = the_item("<item><title>News</title></item>").guid
    assert untagged.startswith("sha256:")
    assert untagged == the_item("<item><title>News</title></item>").guid
    assert untagged != the_item("<item><title>Other news</title></item>").guid


def test_an_endless_guid_is_shortened_to_a_digest() -> None:
    guid = the_item(f"<item><guid isPermaLink='false'>{'g' * (LONGEST_GUID + 1)}</guid></item>").guid
    assert guid.startswith("sha256:")


def test_a_repeated_item_is_taken_once_and_the_first_wins() -> None:
    feed = read_feed(
        rss(
            "<item><guid>1</guid><title>new</title></item>",
            "<item><guid>1</guid><title>old</title></item>",
        )
    )
    assert (titles(feed), feed.skipped) == (["new"], 1)


def test_characters_that_postgres_refuses_are_left_out() -> None:
    feed = read_feed(b"<rss version='2.0'><channel><item><title>a&#0;b</title><guid>1&#0;</guid></item>")
    assert titles(feed) == ["ab"]
    assert feed.items[0].guid == "1"


def test_a_document_that_is_the_name_of_a_file_is_not_opened(own_feeds: Path) -> None:
    with pytest.raises(BrokenFeed, match="this is not XML"):
        read_feed(str(own_feeds / "harbour-gazette.xml").encode())
