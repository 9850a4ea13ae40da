"""Scraping as it runs: a real database, and the site of the example on the loopback."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from examples.common.database import Connection
from examples.common.site import serving
from examples.common.tests import endpoint
from examples.company_watch import store, tasks
from examples.company_watch.careers import Careers
from examples.company_watch.status import report
from examples.conftest import Python
from hourhand import Discard, Retry, Snooze
from hourhand.testing import run_inline
from hourhand.testing.inline import Inline
from tests.support import eventually

ROOT = Path(__file__).parents[1]


def scrape(company: str) -> Inline:
    return run_inline(tasks.scrape_company, {"item": company, "rank": 50})


@pytest.mark.usefixtures("seeded")
def test_all_pages_of_a_company_are_read_and_matching_is_asked_for() -> None:
    done = scrape("tide-labs")
    assert done.result == {"found": 4, "new": 4, "gone": 0}
    assert [(each.task, each.payload) for each in done.enqueued] == [("match-jobs", {"company": "tide-labs"})]
    assert scrape("tide-labs").result == {"found": 4, "new": 0, "gone": 0}


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    ("company", "outcome", "reason"),
    [
        (
            "empty-hall",
            Discard,
            "/empty-hall/jobs.html is empty: is the address of its job page still right?",
        ),
        ("closed-gate", Discard, "/closed-gate/jobs.html answers 403 Forbidden"),
        ("shut-down", Retry, "/shut-down/jobs.html answers 503 Service Unavailable"),
        ("nobody", Discard, "no company is called nobody"),
    ],
)
def test_a_page_that_can_not_be_had_is_said_in_words(company: str, outcome: type, reason: str) -> None:
    asked = scrape(company).asked
    assert isinstance(asked, outcome)
    assert reason in str(asked)


@pytest.mark.usefixtures("seeded")
def test_a_page_without_jobs_and_one_in_another_encoding_are_no_failures(db: Connection) -> None:
    nobody = scrape("old-lantern")
    assert nobody.result == {"found": 0, "new": 0, "gone": 0}
    assert any(level == "WARNING" and "lists no jobs" in message for level, message in nobody.logs)
    assert scrape("quiet-mill").result == {"found": 2, "new": 2, "gone": 0}
    titles = db.execute("select title from company_watch.postings order by id").fetchall()
    assert sorted(title for (title,) in titles) == ["Miller’s apprentice", "Waiter for the café"]


def test_a_job_that_is_no_longer_listed_is_gone_and_may_come_back(
    seeded: str, db: Connection, tmp_path: Path
) -> None:
    page = tmp_path / "jobs.html"
    with serving(tmp_path, Careers) as site:
        store.put_company(db, "quiet-mill", "Quiet Mill", f"{site}/jobs.html")
        told = []
        for links in (
            '<a href="/jobs/1">Miller</a><a href="/jobs/2">Cook</a>',
            '<a href="/jobs/2">Cook</a>',
        ) * 2:
            page.write_text(links)
            told.append(scrape("quiet-mill").result)
    assert [(each["new"], each["gone"]) for each in told] == [(2, 0), (0, 1), (0, 0), (0, 1)]
    assert [offer.posting.title for offer in store.open_offers(db, "quiet-mill")] == ["Cook"]


def test_requests_to_one_host_take_turns_and_a_long_wait_gives_the_place_to_others(
    seeded: str, site: str, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [round(store.take_turn(db, "a.example", 3)) for _ in range(3)] == [0, 3, 6]
    assert store.take_turn(db, "b.example", 3) == 0
    monkeypatch.setenv("COMPANY_WATCH_DELAY", "60")
    store.take_turn(db, urlsplit(site).netloc, 0)
    for _ in range(3):  # waiting takes nothing from those who wait
        asked = scrape("quiet-mill").asked
        assert isinstance(asked, Snooze)
        assert 50 < asked.after <= 60
    db.execute("update company_watch.hosts set free_at = free_at - interval '60 seconds'")
    assert isinstance(scrape("quiet-mill").asked, Snooze)  # its turn was for robots.txt
    db.execute("update company_watch.hosts set free_at = free_at - interval '60 seconds'")
    assert scrape("quiet-mill").outcome == "completed"


@pytest.mark.usefixtures("seeded")
def test_a_company_with_several_pages_is_read_to_its_end_however_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COMPANY_WATCH_DELAY", "1")
    monkeypatch.setattr(tasks, "LONGEST_WAIT", 0.1)
    done = eventually(lambda: scrape("tide-labs").result, interval=0.05)
    assert done == {"found": 4, "new": 4, "gone": 0}


@pytest.mark.usefixtures("seeded")
def test_several_users_rank_one_company_and_each_gets_what_suits(db: Connection) -> None:
    ranks = db.execute(
        "select email, rank, highest_rank from company_watch.preferences"
        " where company = 'harbour-works' order by email"
    ).fetchall()
    assert ranks == [("ada@watch.example", 95, 95), ("ben@watch.example", 40, 95)]
    scrape("harbour-works")
    matched = run_inline(tasks.match_jobs, {"company": "harbour-works"})
    assert matched.result == {"offers": 3, "users": 2, "matches": 2}
    payload: Any
    for payload in (each.payload for each in matched.enqueued):
        assert run_inline(tasks.save_results, payload).result == {"saved": 1, "new": 1}
        assert run_inline(tasks.save_results, payload).result == {"saved": 1, "new": 0}
    saved = db.execute(
        "select email, title from company_watch.saved_jobs s join company_watch.users u on u.id = user_id"
        " join company_watch.postings p on p.id = posting_id order by 1"
    ).fetchall()
    assert saved == [("ada@watch.example", "Data engineer"), ("ben@watch.example", "Apprentice gardener")]
    assert "  ada@watch.example      1  (best 0.83)" in list(report(db))


@pytest.mark.usefixtures("seeded")
def test_a_model_judges_what_has_any_of_the_wished_words(monkeypatch: pytest.MonkeyPatch) -> None:
    scrape("harbour-works")
    with endpoint.serving() as model:
        for name, value in model.environment().items():
            monkeypatch.setenv(name, value)
        model.reply = lambda wish, offer: "0.9, fits well" if "Data engineer" in offer else "0.1 no"
        matched = run_inline(tasks.match_jobs, {"company": "harbour-works"})
        assert matched.result == {"offers": 3, "users": 2, "matches": 1}
        (saved,) = matched.enqueued
        payload: Any = saved.payload
        assert [(match["score"], match["reason"]) for match in payload["matches"]] == [
            (0.9, "fits well (gpt-4o-mini)")
        ]
        assert len(model.asked) == 2  # a crane driver has nothing that anybody wishes
        model.reply = lambda wish, offer: endpoint.Refusal(429, "too many requests", {"Retry-After": "7"})
        busy = run_inline(tasks.match_jobs, {"company": "harbour-works"}).asked
        assert isinstance(busy, Retry)
        assert busy.after == 7


def test_the_bands_are_the_five_of_the_ranks_and_five_companies_run_at_once() -> None:
    fleet = yaml.safe_load((ROOT / "schedules.yaml").read_text("utf-8"))["schedules"][0]
    bands = {rank: often for rank, often in fleet["rank_intervals"].items() if rank != "limit"}
    assert bands == {"81": "1 day", "61": "2 days", "31": "3 days", "11": "4 days", "1": "5 days"}
    assert tasks.scrape_company.definition["concurrency"] == 5


@pytest.mark.slow
def test_the_example_runs_over_the_api_of_supabase(supabase_url: str, python: Python) -> None:
    done = python("examples.company_watch", NO_PROXY="127.0.0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scrape-company             4 completed, 4 failed (" in done.stdout
    for reason in (
        "shut-down/jobs.html answers 503 Service Unavailable",
        "robots.txt asks programs not to read",
        "empty-hall/jobs.html is empty",
        "closed-gate/jobs.html answers 403 Forbidden",
    ):
        assert reason in done.stdout
    assert "\n    failed: http://127.0.0.1" in done.stdout
    assert "  ada@watch.example      2  (best 1.00)" in done.stdout
