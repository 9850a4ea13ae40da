"""Documents from where a source points: an http(s) address, a file, or a directory of feed files."""

# ruff: noqa: N818  (the names say what happened)

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from examples.common.settings import setting

FEED_FILES = frozenset({".xml", ".rss", ".atom", ".rdf"})
LARGEST = 10 * 1024 * 1024  # bytes
TIMEOUT = 20.0  # seconds for a whole document, not only until the next byte
LONGEST_WAIT = 3600.0  # seconds: as far as a server's Retry-After is followed
_AGAIN_LATER = frozenset({408, 425, 429})  # the 4xx that are about the moment, not about the address


class FetchFailed(Exception):
    """The document could not be had now; `retry_after` (seconds) is what the server asks for, if it does."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoSuchFeed(Exception):
    """There is nothing at this place, and trying again will not help."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What the server said about the document last read, for a conditional request."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    body: bytes
    url: str = ""  # where it came from in the end; relative links start here
    content_type: str = ""
    validators: Validators = Validators()


def is_web(location: str) -> bool:
    return location.lower().startswith(("http://", "https://"))


def host_of(location: str) -> str | None:
    try:
        return urlsplit(location).hostname if is_web(location) else None
    except ValueError:
        return None


def locations(location: str) -> list[str]:
    """Spread a directory into its feed files, by name; anything else stands for itself, even if missing."""
    return ([] if is_web(location) else _files(Path(location))) or [location]


def fetch(location: str, known: Validators = Validators()) -> Document | None:
    """Get the document, or None if it has not changed since `known`.

    Raises FetchFailed when another attempt may succeed, NoSuchFeed when it can't.
    """
    return _get(location, known) if is_web(location) else _read(Path(location))


def user_agent() -> str:
    """Say who asks; NEWS_CONTACT (an address or URL) tells publishers whom to write to."""
    contact = setting("NEWS_CONTACT")
    return "hourhand-news/1.0 (feed reader)" + (f" +{contact}" if contact else "")


def _files(directory: Path) -> list[str]:
    try:
        return sorted(str(path) for path in directory.iterdir() if path.suffix.lower() in FEED_FILES)
    except OSError:  # no directory, or none that may be read: fetching it will say what is wrong
        return []


def _read(path: Path) -> Document:
    try:
        if path.is_dir():
            raise NoSuchFeed(f"the directory {path} holds no feed ({', '.join(sorted(FEED_FILES))})")
        if path.stat().st_size > LARGEST:
            raise NoSuchFeed(_too_large(str(path)))
        return Document(path.read_bytes())
    except FileNotFoundError as error:
        raise NoSuchFeed(
            f"{path} is no http(s) address, and this worker sees no such file or directory"
        ) from error
    except OSError as error:
        raise FetchFailed(f"{path} can't be read: {error.strerror}") from error


def _get(url: str, known: Validators) -> Document | None:
    try:
        with (
            httpx.Client(timeout=TIMEOUT, follow_redirects=True, max_redirects=5) as client,
            client.stream("GET", url, headers=_request_headers(known)) as response,
        ):
            return _answer(url, response)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise NoSuchFeed(f"{url} is no address that can be asked: {error}") from error
    except httpx.TimeoutException as error:
        raise FetchFailed(f"{url} did not answer within {TIMEOUT:g} s") from error
    except httpx.HTTPError as error:
        raise FetchFailed(f"{url} can't be fetched: {error or type(error).__name__}") from error


def _request_headers(known: Validators) -> dict[str, str]:
    headers = {
        "User-Agent": user_agent(),
        "Accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5",
        "If-None-Match": known.etag,
        "If-Modified-Since": known.last_modified,
    }
    return {name: value for name, value in headers.items() if value}


def _answer(url: str, response: httpx.Response) -> Document | None:
    if response.status_code == httpx.codes.NOT_MODIFIED:
        return None
    if not response.is_success:
        raise _refusal(url, response)
    headers = response.headers
    return Document(
        body=b"".join(_bounded(url, response.iter_bytes())),
        url=str(response.url),
        content_type=headers.get("content-type", ""),
        validators=Validators(headers.get("etag"), headers.get("last-modified")),
    )


def _refusal(url: str, response: httpx.Response) -> Exception:
    status = response.status_code
    answer = f"{url} answers {status} {response.reason_phrase}".rstrip()
    if status in _AGAIN_LATER or response.is_server_error:
        return FetchFailed(answer, retry_after(response.headers))
    return NoSuchFeed(f"{answer}: is its address still right?")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """In how many seconds a server asks to be asked again, which it says in seconds or as a date."""
    value = headers.get("retry-after", "")
    try:
        wait = float(value) if value.isdecimal() else _seconds_until(parsedate_to_datetime(value))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, 0.0), LONGEST_WAIT)


def _seconds_until(moment: datetime) -> float:
    return (moment - datetime.now(UTC)).total_seconds()


def _bounded(url: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass chunks on until they are too many or too slow (dripping bytes never runs into a read timeout)."""
    size, deadline = 0, time.monotonic() + TIMEOUT
    for chunk in chunks:
        size += len(chunk)
        if size > LARGEST:
            raise NoSuchFeed(_too_large(url))
        if time.monotonic() > deadline:
            raise FetchFailed(f"{url} was not complete after {TIMEOUT:g} s")
        yield chunk


def _too_large(location: str) -> str:
    return f"{location} is larger than {LARGEST // 1024 // 1024} MB"
