"""The pages about schedules in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.admin.browser import Browser, Scheme, Visited
from tests.admin.house import House
from tests.admin.test_browser import MOST_BYTES
from tests.admin.test_schedule_form import Feed
from tests.sql.conftest import Hand

pytestmark = pytest.mark.timeout(180)

Sql = Callable[..., list[Any]]


@pytest.fixture
def lived_in(house: House, hand: Callable[..., Hand], add_schedule: Callable[..., int], sql: Sql) -> House:
    """A schedule with runs and a ledger, one that is broken, and a fleet."""
    worker = hand("task", schema=Feed.model_json_schema(), description="Fetches a feed.")
    add_schedule(
        "news", cron="30 2 * * *", timezone="Europe/Berlin", tags=["feeds"], jitter=5, payload={"url": "x"}
    )
    add_schedule("broken", cron="61 * * * *")
    add_schedule("fleet", rank_intervals={"81": 60, "1": 3600, "limit": 5})
    sql(
        "update hourhand.scheduled_jobs set error = 'cron: 61 is no minute' where name = 'broken' returning 1"
    )
    sql("update hourhand.scheduled_jobs set next_run_at = now() + interval '1 hour', created_at = now() - interval '3 d'"
        " where name = 'news' returning 1")  # fmt: skip
    sql(
        "insert into hourhand.schedule_firings (schedule_id, scheduled_for, scheduled_until, count, decision, reason, decided_at)"
        " values (1, '2026-11-02 01:30Z', null, 1, 'fired', null, '2026-11-02 01:30Z'),"
        " (1, '2026-11-03 01:30Z', '2026-11-05 01:30Z', 3, 'missed', 'was too old', '2026-11-06 01:30Z') returning 1"
    )
    house.transport.call(
        "set_items", {"p_schedule": "fleet", "p_items": [{"item": "a", "rank": 90, "owner": "eve"}]}
    )
    for outcome in ("completed", "failed", "completed"):
        house.transport.call("trigger_schedule", {"p_schedule": "news"})
        worker.finish(*worker.runs(1), outcome=outcome, error={"message": "no XML"})
    house.transport.call(
        "put_schedule", {"p_schedule": {"name": "news", "description": "Fresh."}, "p_mode": "update"}
    )
    return house


PAGES = (
    "/schedules", "/schedule/new?task=task", "/schedule/1/edit", "/schedules/news?at=2026-11-04T02:30", "/schedules/broken",
    "/schedule/1/versions", "/schedule/1/backfill?from=2026-11-18T00:00", "/schedule/bulk?action=pause",
    "/calendar?day=2026-11-04", "/calendar?view=week&day=2026-11-04", "/calendar?view=day&day=2026-11-03", "/fleets",
    "/fleets/fleet",
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_violations_of_accessibility_or_weighs_too_much(
    browser: Browser, lived_in: House, scheme: Scheme
) -> None:
    for path in PAGES:
        with browser.visit(lived_in, "operator", scheme=scheme) as page:
            page.open(path)
            assert page.weight <= MOST_BYTES, path
            open_all(page)
            page.is_accessible()
            page.picture(f"{path.strip('/').partition('?')[0].replace('/', '-')}-{scheme}")


def open_all(page: Visited) -> None:
    page.at.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")


def test_pages_fit_a_narrow_screen(browser: Browser, lived_in: House) -> None:
    with browser.visit(lived_in, "operator", viewport={"width": 360, "height": 700}) as page:
        for path in PAGES:
            page.open(path)
            assert page.at.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_the_forecast_follows_what_is_typed(browser: Browser, lived_in: House) -> None:
    with browser.visit(lived_in, "operator", timezone_id="Asia/Tokyo") as page:
        page.open("/schedule/1/edit")
        preview = page.at.locator("#preview")
        preview.get_by_text("At 02:30 every day").wait_for()
        preview.get_by_role("columnheader", name="Asia/Tokyo").wait_for()
        page.at.get_by_label("Cron expression").fill("15 3 * * *")
        preview.get_by_text("At 03:15 every day").wait_for()
        assert preview.locator("del").inner_text() == "30 2 * * *"
        page.at.get_by_label("Cron expression").fill("0 0 30 2 *")
        preview.get_by_text("never comes").wait_for()
        page.at.get_by_label("Every", exact=True).check()
        assert page.at.get_by_label("Cron expression").is_hidden()
        page.at.get_by_label("How often").fill("90s")
        preview.get_by_text("Every 1m 30s").wait_for()


def test_without_javascript_a_schedule_is_created_with_a_preview(browser: Browser, lived_in: House) -> None:
    how: dict[str, Any] = {"java_script_enabled": False}
    with browser.visit(lived_in, "operator", **how) as page:
        page.open("/schedule/new")
        page.at.get_by_label("Name", exact=True).fill("plain")
        page.at.get_by_label("Task").fill("task")
        page.at.get_by_role("button", name="Use it").click()
        page.at.get_by_label("Url *").fill("https://x")
        page.at.get_by_label("Cron expression").fill("0 9 * * 1-5")
        page.at.get_by_role("button", name="Preview").click()
        page.at.get_by_text("At 09:00, on Monday to Friday").wait_for()
        page.at.get_by_role("button", name="Create").click()
        page.at.get_by_role("heading", name="plain").wait_for()
