"""Web pages and text files as they are found: in any encoding, declared rightly or not."""

import codecs
import re
from dataclasses import dataclass

from examples.news.clean import plain_text
from examples.news.feed import storable
from examples.news.fetch import Document, FetchFailed, NoSuchFeed, fetch
from hourhand import Discard, Retry

_CHARSET = re.compile(rb"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)
_BODY = re.compile(r"<(main|article)\b.*</\1\s*>", re.DOTALL | re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HEAD = 2048  # bytes in which a page says its encoding


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    text: str


def get(location: str) -> Document:
    """Fetch politely. Raises Retry when another attempt may succeed, Discard when it can't."""
    try:
        document = fetch(location)
    except FetchFailed as fault:
        raise Retry(fault.retry_after, reason=str(fault)) from fault
    except NoSuchFeed as fault:
        raise Discard(str(fault)) from fault
    assert document is not None, "only a conditional request is answered with 'not modified'"
    return document


def read_page(document: Document) -> Page:
    """The title and the visible text, of the article where the page marks one."""
    html = decode(document.body, document.content_type)
    body, title = _BODY.search(html), _TITLE.search(html)
    return Page(
        title=" ".join(plain_text(title[1]).split()) if title else "",
        text=plain_text(body[0] if body else html),
    )


def decode(body: bytes, content_type: str = "") -> str:
    """By the byte order mark, the header, the page's own word, as UTF-8, else as the Windows of old wrote.

    An encoding that does not fit the bytes is not believed, whoever declares it.
    """
    for encoding in (*_marked(body), *_declared(content_type.encode(), body[:_HEAD]), "utf-8"):
        try:
            return storable(body.decode(encoding))
        except (LookupError, UnicodeDecodeError):
            continue
    return storable(body.decode("cp1252", "replace"))


def _marked(body: bytes) -> list[str]:
    return [encoding for mark, encoding in _MARKS if body.startswith(mark)]


def _declared(*places: bytes) -> list[str]:
    found = (_CHARSET.search(place) for place in places)
    return [match[1].decode("ascii", "replace") for match in found if match]
