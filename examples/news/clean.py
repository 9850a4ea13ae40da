"""From a raw item to what a reader wants: plain text, one link, one instant. Pure functions, any language."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit, urlunsplit

from examples.common.text import shortened
from examples.news.dates import instant

LONGEST_TITLE = 200  # characters
_UNSEEN = {"head", "iframe", "math", "noscript", "object", "script", "select", "style", "svg", "template"}
_LINES = {
    *("address", "article", "aside", "blockquote", "br", "caption", "dd", "details", "div", "dl", "dt"),
    *("fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header"),
    *("hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tr", "ul"),
}
_CELLS = {"td", "th"}
_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile("[\u00ad\ufeff]")  # soft hyphen and byte order mark; joiners have a meaning and stay
_TRACKING = re.compile(r"utm_\w+|(?:fb|g|ms|y)clid|mc_[ce]id|wt_mc|igshid", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Cleaned:
    title: str
    text: str
    link: str | None
    published_at: datetime | None  # UTC


def clean(*, title: str, content: str, link: str, published: str) -> Cleaned:
    """Clean one raw item; an item without a title is called by its first words, else by its link."""
    text, address = plain_text(content), canonical_link(link)
    heading = " ".join(plain_text(title).split())
    return Cleaned(
        title=shortened(heading or text.replace("\n", " ") or address or "untitled", LONGEST_TITLE),
        text=text,
        link=address,
        published_at=instant(published),
    )


def plain_text(html: str) -> str:
    """Strip HTML: a line per block, single spaces, Unicode NFC, nothing that a browser would not show."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", "".join(reader.parts)))
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(filter(None, lines))


def canonical_link(url: str) -> str | None:
    """Give one address one form: no tracking parameters, fragment, default port or login.

    None for what is not http(s).
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host:
        return None
    name = f"[{host}]" if ":" in host else host
    netloc = name if port in (None, _PORTS[parts.scheme]) else f"{name}:{port}"
    return urlunsplit((parts.scheme, netloc, _quoted(parts.path) or "/", _quoted(_query(parts.query)), ""))


def _query(query: str) -> str:
    # Filtered as written: decoding and encoding would turn "?p" into "?p=", for some servers another page.
    parts = filter(None, query.split("&"))
    return "&".join(part for part in parts if not _TRACKING.fullmatch(part.partition("=")[0]))


def _quoted(part: str) -> str:
    return quote(part, safe="/%:@!$&'()*+,;=?~-._")


class _Reader(HTMLParser):
    """Collects the visible text; blocks become line ends, table cells spaces."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        self._preformatted += tag == "pre"
        self._separate(tag)

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        self._preformatted = max(0, self._preformatted - (tag == "pre"))
        self._separate(tag)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data if self._preformatted else _SPACE.sub(" ", data))

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        # The inherited one raises AssertionError on "<![anything": one bad item would stop the whole batch.
        return self.parse_bogus_comment(i, report)

    def _separate(self, tag: str) -> None:
        if tag in _LINES:
            self.parts.append("\n")
        elif tag in _CELLS:
            self.parts.append(" ")
