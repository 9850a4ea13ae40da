import gzip
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from examples.news import fetch as fetching
from examples.news.fetch import FetchFailed, NoSuchFeed, Validators, fetch, host_of, locations
from examples.news.tests.web import Answer, Web, unchanged_since


def failure_of(web: Web, answer: Answer) -> FetchFailed:
    web.answers["/feed"] = answer
    with pytest.raises(FetchFailed) as failed:
        fetch(web.url("/feed"))
    return failed.value


def test_a_document_comes_with_its_type_and_validators(web: Web) -> None:
    web.answers["/feed"] = unchanged_since(
        '"v1"', "Mon", Answer(b"<rss/>", headers={"Content-Type": "text/xml"})
    )
    document = fetch(web.url("/feed"))
    assert document is not None
    assert (document.body, document.content_type, document.url) == (b"<rss/>", "text/xml", web.url("/feed"))
    assert document.validators == Validators('"v1"', "Mon")


def test_an_unchanged_document_is_not_sent_again(web: Web) -> None:
    web.answers["/feed"] = unchanged_since('"v1"', "Mon", Answer(b"<rss/>"))
    first = fetch(web.url("/feed"))
    assert first is not None
    assert fetch(web.url("/feed"), first.validators) is None
    assert fetch(web.url("/feed"), Validators('"v0"', "Mon")) is not None


def test_the_request_says_who_asks(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWS_CONTACT", "https://reader.example/about")
    web.answers["/feed"] = Answer(b"<rss/>")
    fetch(web.url("/feed"))
    ((_, headers),) = web.asked
    assert headers["User-Agent"] == "hourhand-news/1.0 (feed reader) +https://reader.example/about"
    assert "application/rss+xml" in headers["Accept"]


def test_compression_and_redirects_are_followed(web: Web) -> None:
    web.answers["/old"] = Answer(status=301, headers={"Location": "/new"})
    web.answers["/new"] = Answer(gzip.compress(b"<rss/>"), headers={"Content-Encoding": "gzip"})
    document = fetch(web.url("/old"))
    assert document is not None
    assert (document.body, document.url) == (b"<rss/>", web.url("/new"))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_trouble_of_the_moment_may_be_tried_again(web: Web, status: int) -> None:
    failed = failure_of(web, Answer(status=status))
    assert f"answers {status}" in str(failed)
    assert failed.retry_after is None


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final_and_names_the_address(web: Web, status: int) -> None:
    web.answers["/feed"] = Answer(status=status)
    with pytest.raises(NoSuchFeed, match=f"/feed answers {status} .*: is its address still right"):
        fetch(web.url("/feed"))


def test_the_server_may_say_when_to_come_back(web: Web) -> None:
    assert failure_of(web, Answer(status=429, headers={"Retry-After": "7"})).retry_after == 7
    assert failure_of(web, Answer(status=503, headers={"Retry-After": "soon"})).retry_after is None
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    wait = failure_of(web, Answer(status=503, headers={"Retry-After": in_a_minute})).retry_after
    assert wait is not None
    assert 50 < wait <= 60
    endless = failure_of(web, Answer(status=503, headers={"Retry-After": "99999999"})).retry_after
    assert endless == fetching.LONGEST_WAIT


def test_no_connection_may_be_tried_again() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but nobody listens
        with pytest.raises(FetchFailed, match="can't be fetched"):
            fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/feed")


def test_silence_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(FetchFailed, match=r"did not answer within 0\.1 s"),
    ):
        fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/feed")


def test_a_server_that_drips_is_left_in_time(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", 0.3)
    assert str(failure_of(web, Answer(b"<rss/>" * 100, pause=0.05))).endswith("was not complete after 0.3 s")


def test_too_much_is_refused(web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fetching, "LARGEST", 1024 * 1024)
    web.answers["/feed"] = Answer(b" " * (1024 * 1024 + 1))
    with pytest.raises(NoSuchFeed, match="larger than 1 MB"):
        fetch(web.url("/feed"))
    file = tmp_path / "feed.xml"
    file.write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(NoSuchFeed, match="larger than 1 MB"):
        fetch(str(file))


@pytest.mark.parametrize("place", ["http://", "http://a:b/"])
def test_an_impossible_address_is_final(place: str) -> None:
    with pytest.raises(NoSuchFeed, match="no address that can be asked"):
        fetch(place)


def test_a_file_is_a_document(own_feeds: Path) -> None:
    document = fetch(str(own_feeds / "quiet-channel.xml"))
    assert document is not None
    assert document.body.startswith(b"<?xml")


def test_a_missing_file_is_final(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFeed, match="sees no such file or directory"):
        fetch(str(tmp_path / "nowhere.xml"))


def test_a_directory_is_spread_into_its_feeds_by_name(tmp_path: Path) -> None:
    for name in ("b.rss", "a.XML", "README.md"):
        (tmp_path / name).touch()
    assert locations(str(tmp_path)) == [str(tmp_path / "a.XML"), str(tmp_path / "b.rss")]
    assert locations("https://news.example/") == ["https://news.example/"]
    assert locations(str(tmp_path / "nowhere")) == [str(tmp_path / "nowhere")]


def test_a_directory_without_feeds_is_told(tmp_path: Path) -> None:
    (place,) = locations(str(tmp_path))
    with pytest.raises(NoSuchFeed, match="holds no feed"):
        fetch(place)


def test_an_unreadable_place_may_be_tried_again(tmp_path: Path) -> None:
    place = str(tmp_path / ("long" * 100))
    assert locations(place) == [place]
    with pytest.raises(FetchFailed, match="can't be read: File name too long"):
        fetch(place)


def test_only_web_addresses_have_a_host() -> None:
    assert host_of("https://News.example:8443/feed") == "news.example"
    assert host_of("/srv/feeds") is None
    assert host_of("http://[") is None
