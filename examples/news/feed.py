"""Feeds as publishers really serve them: bytes in, items out, or one sentence that says why not.

A document is *broken* when nothing can be taken from it: it is empty, not XML, a web page, of an unknown
kind, so damaged that no entry is left, or none of its entries says anything. A damaged document with readable
entries is not broken (it carries a warning), nor is one in another encoding than declared; a channel without
entries is simply quiet.
"""

# ruff: noqa: N818  (the names say what happened)
# pyright: reportUnnecessaryTypeIgnoreComment=false

import hashlib
import html
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import feedparser  # type: ignore[import-untyped]  # mypy wants this, pyright does not

LONGEST_GUID = 500  # characters; longer ones would not fit into an index row
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_HTML_ROOTS = frozenset({"html", "head", "body", "title", "h1", "meta"})
_BEFORE_ROOT = re.compile(r"<!--.*?-->|<\?.*?\?>|<!doctype[^>]*>|[\s\ufeff]+", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<([a-z][\w:.-]*)", re.IGNORECASE)
_PAGE_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")  # Postgres text takes neither NUL nor half a surrogate pair


class BrokenFeed(ValueError):
    """The document itself can't be used; fetching it again changes nothing."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry as the feed has it. `title` and `content` are HTML, `published` is the feed's own wording."""

    guid: str
    title: str
    link: str
    author: str
    content: str
    published: str


@dataclass(frozen=True, slots=True)
class Feed:
    title: str
    items: tuple[Item, ...]
    skipped: int  # entries without anything to show, and repeated ones
    warning: str | None


def read_feed(document: bytes, *, content_type: str = "", url: str = "") -> Feed:
    """Read RSS 0.9-2.0, RDF or Atom in any encoding; `url` resolves relative links.

    Raises BrokenFeed with a reason for the reader of the failed run.
    """
    parsed = _parse(document, _headers(content_type, url))
    if not parsed.entries and (parsed.bozo or not parsed.get("version")):
        raise BrokenFeed(_reason(document, parsed))
    items = _distinct(_item(entry) for entry in parsed.entries)
    if parsed.entries and not items:
        raise BrokenFeed(f"no entry (of {len(parsed.entries)}) has an id, a link, a title or any text")
    return Feed(
        title=storable(str(parsed.feed.get("title", ""))),
        items=items,
        skipped=len(parsed.entries) - len(items),
        warning=_fault(parsed) if parsed.bozo else None,
    )


def storable(text: str) -> str:
    """Take out the characters that a Postgres text column refuses."""
    return _NOT_STORABLE.sub("", text)


def _parse(document: bytes, headers: Mapping[str, str]) -> Any:
    try:
        # A stream, never bytes or str: feedparser would take those for a file name or an address first.
        return feedparser.parse(io.BytesIO(document), response_headers=headers, sanitize_html=False)
    except Exception as error:
        raise BrokenFeed(f"feedparser can't read it: {type(error).__name__}: {error}") from error


def _headers(content_type: str, url: str) -> dict[str, str]:
    given = {"content-type": content_type, "content-location": url}
    return {name: value for name, value in given.items() if value}


def _distinct(items: Iterable[Item | None]) -> tuple[Item, ...]:
    """Keep the first item of each guid: feeds list the newest first."""
    first: dict[str, Item] = {}
    for item in items:
        if item is not None:
            first.setdefault(item.guid, item)
    return tuple(first.values())


def _item(entry: Mapping[str, Any]) -> Item | None:
    title, content, published = _html(entry.get("title_detail")), _content(entry), _published(entry)
    # FeedBurner and its like replace the link by a counting redirect and keep the real one here.
    link = _text(entry.get("feedburner_origlink") or entry.get("link"))
    identity = _text(entry.get("id")) or link
    if not (identity or title or content):
        return None
    guid = identity or _digest(title, content, published)
    return Item(
        guid=guid if len(guid) <= LONGEST_GUID else _digest(guid),
        title=title,
        link=link,
        author=_text(entry.get("author")),
        content=content,
        published=published,
    )


def _content(entry: Mapping[str, Any]) -> str:
    """Take the full text where there is one (content:encoded, Atom content), else the summary."""
    details = [*entry.get("content", []), entry.get("summary_detail")]
    return next(filter(None, map(_html, details)), "")


def _html(detail: Mapping[str, Any] | None) -> str:
    if detail is None:
        return ""
    value = _text(detail.get("value"))
    return value if detail.get("type") in _HTML else html.escape(value, quote=False)


def _published(entry: Mapping[str, Any]) -> str:
    # `in` first: asking feedparser for a missing "updated" answers with "published" and a DeprecationWarning.
    return next((_text(entry[key]) for key in ("published", "updated") if key in entry), "")


def _text(value: object) -> str:
    return storable(str(value or "")).strip()


def _digest(*parts: str) -> str:
    return "sha256:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _reason(document: bytes, parsed: Any) -> str:
    if not document.strip():
        return "the document is empty"
    text = document.decode(parsed.get("encoding") or "utf-8", "replace")
    start = _after_prolog(text)
    root = _TAG.match(text, start)
    if root is None:
        return f"this is not XML: it begins with {text[start : start + 40]!r}"
    if root[1].lower() in _HTML_ROOTS:
        return "this is a web page, not a feed" + _page_title(text)
    if parsed.bozo:
        return f"the XML is damaged and no entry could be read: {_fault(parsed)}"
    return f"<{root[1]}> is no known kind of feed: expected <rss>, <feed> or <rdf:RDF>"


def _after_prolog(text: str) -> int:
    position = 0
    while skipped := _BEFORE_ROOT.match(text, position):
        position = skipped.end()
    return position


def _page_title(text: str) -> str:
    title = _PAGE_TITLE.search(text)
    return f": {' '.join(title[1].split())!r}" if title else ""


def _fault(parsed: Any) -> str:
    fault = parsed.get("bozo_exception")
    line = getattr(fault, "getLineNumber", lambda: None)()
    message = getattr(fault, "getMessage", lambda: str(fault))()
    return f"{message} (line {line})" if line else str(message)
