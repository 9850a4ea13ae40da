"""Job pages as companies serve them: HTML in, postings out. Pure functions.

A page says its postings as schema.org's JobPosting (JSON-LD, which search engines ask for), or they are the
links of the page that look like jobs.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urldefrag, urljoin

from examples.news.clean import plain_text

_REMOTE = {"TELECOMMUTE": "remote"}  # schema.org's word for it
_JOB_LINK = re.compile(r"/(jobs?|careers?|positions?|vacanc(y|ies)|openings?)/[^/]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Posting:
    url: str
    title: str
    place: str = ""
    text: str = ""


@dataclass(slots=True)
class Listing:
    postings: list[Posting] = field(default_factory=list)
    next_url: str | None = None
    warning: str | None = None


def read_listing(html: str, url: str) -> Listing:
    """Read one page of job offers; `url` resolves its links."""
    page = _Page()
    page.feed(html)
    page.close()
    told, damaged = _told(page.data)
    said = [posting for each in told if (posting := _posting(each, url))]
    linked = [
        Posting(_absolute(url, href), text)
        for href, text in page.links
        if text and _JOB_LINK.search(urljoin(url, href))
    ]
    # Reversed twice: of several links to one job the first has its name, the others say "apply".
    distinct = {posting.url: posting for posting in reversed(said or linked)}
    listing = Listing(list(reversed(distinct.values())))
    listing.next_url = _absolute(url, page.next_page) if page.next_page else None
    listing.warning = "a description of its jobs is damaged, and was left out" if damaged else None
    return listing


def _told(blocks: list[str]) -> tuple[list[dict[str, Any]], bool]:
    """The objects in the JSON-LD of a page, and whether a part of it could not be read."""
    found: list[dict[str, Any]] = []
    damaged = False
    for block in blocks:
        try:
            found.extend(_objects(json.loads(block)))
        except (ValueError, RecursionError):
            damaged = True
    return found, damaged


def _objects(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for each in value:
            yield from _objects(each)
    elif isinstance(value, dict):
        yield value
        yield from _objects(value.get("@graph", []))


def _posting(thing: dict[str, Any], url: str) -> Posting | None:
    title = plain_text(str(thing.get("title") or ""))
    if thing.get("@type") != "JobPosting" or not title:
        return None
    return Posting(
        url=_absolute(url, str(thing.get("url") or f"?job={title}")),
        title=title,
        place=_place([thing.get("jobLocation"), _REMOTE.get(str(thing.get("jobLocationType")))]),
        text=plain_text(str(thing.get("description") or "")),
    )


def _place(location: object) -> str:
    if isinstance(location, list):
        return ", ".join(filter(None, map(_place, location)))
    if isinstance(location, dict):
        address = location.get("address", location)
        return str(address.get("addressLocality") or "") if isinstance(address, dict) else str(address)
    return str(location or "")


def _absolute(base: str, href: str) -> str:
    return urldefrag(urljoin(base, href)).url


class _Page(HTMLParser):
    """Collects the JSON-LD, the links with their words, and the link to the next page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.data: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.next_page: str | None = None
        self._href: str | None = None
        self._words: list[str] = []
        self._in_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and given.get("type") == "application/ld+json":
            self._in_data = True
        if tag in ("a", "link") and given.get("rel") == "next":
            self.next_page = given.get("href")
        elif tag == "a":
            self._href, self._words = given.get("href"), []

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_data = False
        if tag == "a" and self._href:
            self.links.append((self._href, " ".join(" ".join(self._words).split())))
            self._href = None

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data.append(data)
        elif self._href:
            self._words.append(data)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        # The inherited one raises AssertionError on "<![anything".
        return self.parse_bogus_comment(i, report)
