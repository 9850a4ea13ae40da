"""A site's robots.txt is read once a day for all workers, and kept to."""

from collections.abc import Iterator

import pytest

from examples.common.database import Connection
from examples.company_watch import robots, store, tasks
from examples.news.tests.web import Answer, Web, serving
from hourhand import Discard, Retry, Snooze
from hourhand.testing import run_inline
from hourhand.testing.inline import Inline

JOBS = Answer(b'<a href="/jobs/1">Miller</a>')
CLOSED = b"User-agent: *\nDisallow: /jobs"


@pytest.fixture
def web(db: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A site with one page of jobs, at /jobs, of the company `mill`."""
    monkeypatch.setenv("COMPANY_WATCH_DELAY", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as web:
        web.answers["/jobs"] = JOBS
        store.put_company(db, "mill", "The Mill", web.url("/jobs"))
        yield web


def scrape() -> Inline:
    return run_inline(tasks.scrape_company, {"item": "mill"})


def paths(web: Web) -> list[str]:
    return [path for path, _ in web.asked]


def test_a_page_that_programs_are_asked_not_to_read_is_not_asked_for(web: Web) -> None:
    web.answers["/robots.txt"] = Answer(CLOSED)
    asked = scrape().asked
    assert isinstance(asked, Discard)
    assert str(asked) == f"{web.url('/robots.txt')} asks programs not to read {web.url('/jobs')}"
    assert paths(web) == ["/robots.txt"]


def test_a_site_without_one_may_be_read_and_is_asked_once_a_day(web: Web, db: Connection) -> None:
    assert [scrape().result["new"] for _ in range(2)] == [1, 0]
    assert paths(web) == ["/robots.txt", "/jobs", "/jobs"]
    db.execute("update company_watch.robots set read_at = now() - interval '25 hours'")
    web.answers["/robots.txt"] = Answer(CLOSED)
    assert isinstance(scrape().asked, Discard)
    assert isinstance(scrape().asked, Discard)
    assert paths(web)[3:] == ["/robots.txt"]


def test_while_the_site_can_not_say_what_it_wants_nothing_is_read(web: Web) -> None:
    web.answers["/robots.txt"] = Answer(status=503, headers={"Retry-After": "7"})
    asked = scrape().asked
    assert isinstance(asked, Retry)
    assert "/robots.txt answers 503" in str(asked)
    web.answers["/robots.txt"] = Answer(b"")
    assert scrape().result == {"found": 1, "new": 1, "gone": 0}


def test_a_delay_that_the_site_asks_for_is_kept(web: Web) -> None:
    web.answers["/robots.txt"] = Answer(b"User-agent: hourhand\nCrawl-delay: 50")
    asked = scrape().asked
    assert isinstance(asked, Snooze)
    assert asked.after == pytest.approx(50, abs=10)
    assert paths(web) == ["/robots.txt"]


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", True),
        ("User-agent: *\nDisallow: /", False),
        ("User-agent: *\nAllow: /jobs\nDisallow: /", True),
        ("User-agent: othermachine\nDisallow: /", True),
        ("User-agent: *\nAllow: /\n\nUser-agent: Hourhand\nDisallow: /jobs", False),
        ("User-agent: *\nCrawl-delay: ²\nAllow: http://[\nDisallow: /jobs # not for you", False),
        ("<html>\0 we have moved", True),
    ],
)
def test_the_rules_are_read_as_far_as_they_can_be_read(text: str, allowed: bool) -> None:
    assert robots.rules(text).allow("https://a.example/jobs/1") is allowed


def test_a_delay_has_a_bound() -> None:
    assert robots.rules("User-agent: *\nCrawl-delay: 99999999999").delay == robots.LONGEST_DELAY
    assert robots.rules("User-agent: *\nCrawl-delay: 1.5").delay == 0
    assert robots.address("https://a.example:81/x/jobs?y") == "https://a.example:81/robots.txt"
