"""The pictures of the documentation: with HOURHAND_SCREENSHOTS=1 they are taken anew, and else they have to be there."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.admin.browser import Browser, Scheme, Visited
from tests.admin.browser_pictures import take
from tests.admin.house import House
from tests.admin.test_events import write
from tests.sql.conftest import Hand

pytestmark = pytest.mark.timeout(180)

HERE = Path(__file__).parents[2] / "docs" / "screenshots"
MOST_BYTES = 60_000
TAKES = {
    "overview": ("light", "dark"),
    "schedules": ("light", "dark"),
    "form": ("light",),
    "schedule": ("light",),
    "run": ("light", "dark"),
}
SCHEDULES = {
    "ingest-feeds": ("*/15 * * * *", "Keeps the feeds fresh.", ["news"]),
    "daily-report": ("0 9 * * 1-5", "Every morning, for the sales team.", ["sales"]),
    "sync-invoices": ("0 */6 * * *", None, ["sales", "nightly"]),
    "rotate-keys": ("30 2 * * *", None, ["nightly"]),
    "send-digest": ("0 17 * * fri", "What has happened this week.", ["news"]),
    "warm-cache": ("*/5 * * * *", None, []),
}
FEED = {
    "type": "object",
    "properties": {"url": {"type": "string"}, "limit": {"type": "integer", "default": 50}},
    "required": ["url"],
}


def test_the_pictures_are_there_and_small(request: pytest.FixtureRequest) -> None:
    if os.environ.get("HOURHAND_SCREENSHOTS") == "1":
        request.getfixturevalue("taken")
    found = {path.name: path.stat().st_size for path in HERE.glob("*")}
    assert sorted(found) == sorted(
        f"{name}-{scheme}.png" for name, takes in TAKES.items() for scheme in takes
    )
    assert [name for name, size in found.items() if size > MOST_BYTES] == []


@pytest.fixture
def taken(browser: Browser, house: House, hand: Callable[..., Hand], sql: Callable[..., object]) -> None:
    followed = an_ordinary_day(house, hand, sql)
    for scheme in ("light", "dark"):
        how: dict[str, Any] = {"viewport": {"width": 1120, "height": 700}, "timezone_id": "Europe/Berlin"}
        with browser.visit(house, "admin", scheme=scheme, **how) as page:
            for name, arrive in (
                ("overview", lambda: page.open("/")),
                ("schedules", lambda: page.open("/schedules")),
                ("form", lambda: a_form(page)),
                ("schedule", lambda: page.open("/schedules/ingest-feeds")),
                ("run", lambda: page.open(f"/runs/{followed}")),
            ):
                if scheme in TAKES[name]:
                    arrive()
                    picture(page, name, scheme)


def an_ordinary_day(house: House, hand: Callable[..., Hand], sql: Callable[..., object]) -> int:
    """Schedules, services, and the runs of a day; the id of one that goes on."""
    call = house.transport.call
    worker = hand(*SCHEDULES, lease=3600.0, schema=FEED)
    for kind, name in (("worker", "worker-1"), ("scheduler", "box")):
        session = worker.session if kind == "worker" else str(uuid4())
        call("open_session", {"p_session": session, "p_kind": kind, "p_name": name, "p_lease": 3600.0})
    sql("update hourhand.services set name = case kind when 'worker' then 'worker-1' else 'box' end, host = 'box',"
        " pid = 4000 + length(kind), version = '0.1.0' where kind <> 'admin'")  # fmt: skip
    payload = {"url": "https://example.org/feed.xml"}
    for name, (cron, description, tags) in SCHEDULES.items():
        timing = {"cron": cron, "timezone": "Europe/Berlin"}
        what = {"name": name, "task": name, "payload": payload, "description": description, "tags": tags}
        call("put_schedule", {"p_schedule": {**timing, **what}})
    failure = {"class": "ValueError", "message": "line 3: this feed is no XML", "traceback": "Traceback …"}
    for _ in range(20):
        for name in SCHEDULES:
            call("trigger_schedule", {"p_schedule": name})
        for run in worker.runs():
            bad = run["id"] % 17 == 5
            worker.finish(run, outcome="failed" if bad else "completed", error=failure, result={"items": 3})
    sql("set session_replication_role = replica")  # or nobody may say when a run was
    sql(A_DAY)
    sql("reset session_replication_role")
    sql(THE_LEDGER)
    for schedule_id in range(1, len(SCHEDULES) + 1):
        coming = house.program("viewer").ask("GET", f"/api/v1/schedules/{schedule_id}/next").json()["firings"]
        sql("update hourhand.scheduled_jobs set next_run_at = %s where id = %s", coming[0], schedule_id)
    call("pause_schedule", {"p_schedule": "rotate-keys", "p_note": "the keys are being moved"})
    call("trigger_schedule", {"p_schedule": "ingest-feeds"})
    [run] = worker.runs(1)
    write(house.transport, worker, run, *(f"page {page} of 24: 50 items" for page in range(1, 13)))
    sql("update hourhand.job_run_logs set at = now() + (seq - 12) * interval '413 ms'")
    call(
        "set_progress",
        {"p_run_id": run["id"], "p_token": run["token"], "p_progress": {"pages": 12, "of": 24}},
    )
    return int(run["id"])


A_DAY = """
update hourhand.job_runs r
set trigger = 'schedule', scheduled_for = t.at, run_at = t.at, created_at = t.at + t.lag, claimed_at = t.at + 2 * t.lag,
  started_at = t.at + 3 * t.lag, finished_at = t.at + 3 * t.lag + (1 + r.id * 7 % 11) * interval '0.9 s'
from (
  select id, interval '1 ms' * (8 + id * 5 % 17) as lag,
    date_trunc('minute', now()) - interval '9 min' - (row_number() over (partition by task order by id desc) - 1)
      * (40 + 23 * (schedule_id % 4)) * interval '1 min' as at
  from hourhand.job_runs
) t
where t.id = r.id and r.finished_at is not null
"""
THE_LEDGER = """
insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, run_id, decided_at, lag_ms, reason)
select schedule_id, scheduled_for, 'fired', id, created_at, 1000 * extract(epoch from created_at - scheduled_for), null
from hourhand.job_runs where finished_at is not null
union all
select id, date_trunc('minute', now()) - interval '5 min', 'skipped_overlap', null, now(), null, 'the run before went on'
from hourhand.scheduled_jobs where name = 'ingest-feeds'
"""


def a_form(page: Visited) -> None:
    page.open("/schedule/new?task=ingest-feeds")
    page.at.get_by_label("Name", exact=True).fill("ingest-videos")
    page.at.get_by_label("Url *").fill("https://example.org/videos.xml")
    page.at.get_by_label("Time zone").fill("Europe/Berlin")
    page.at.get_by_label("Cron expression").fill("30 2 * * *")
    page.at.locator("#preview").get_by_text("At 02:30 every day").wait_for()


def picture(page: Visited, name: str, scheme: Scheme) -> None:
    page.at.wait_for_timeout(1500)  # what is live has come
    page.at.evaluate("scrollTo(0, 0); document.activeElement.blur()")
    HERE.mkdir(exist_ok=True)
    take(page.at, HERE / f"{name}-{scheme}.png")
