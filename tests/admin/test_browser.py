"""The pages in a real browser: nothing breaks, nothing is loud, and everybody can use them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.admin.browser import Browser
from tests.admin.house import PASSWORD, House
from tests.admin.test_browser_pages import LISTS
from tests.admin.test_events import write
from tests.sql.conftest import Hand

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def lived_in(house: House, hand: Callable[..., Hand], add_schedule: Callable[..., int]) -> House:
    """Some schedules, one of them broken and one paused, and runs of every status."""
    add_schedule("news", task="task", cron="*/15 * * * *", timezone="Europe/Berlin", tags=["feeds"])
    add_schedule("report", task="task", description="Every morning, for the sales team.")
    house.transport.call("pause_schedule", {"p_schedule": "report", "p_note": "on holiday"})
    for _ in range(5):
        house.transport.call("trigger_schedule", {"p_schedule": "news"})
    worker = hand("task")
    first, second, third = worker.runs(3)
    worker.finish(first, second, result={"items": 3})
    failure = {"class": "ValueError", "message": "this feed is no XML", "traceback": "Traceback …"}
    worker.finish(third, outcome="failed", error=failure)
    worker.runs(1)
    return house


def test_somebody_logs_in_sees_how_things_are_and_logs_out(browser: Browser, lived_in: House) -> None:
    lived_in.add_user("alice", "viewer")
    with browser.visit(lived_in, role=None) as page:
        page.open("/schedules?search=news")
        page.at.get_by_label("Name").fill("alice")
        page.at.get_by_label("Password").fill(PASSWORD)
        page.at.get_by_role("button", name="Log in").click()
        page.at.get_by_role("link", name="news").wait_for()
        assert page.at.url == f"{lived_in.url}/schedules?search=news"
        headings = page.at.get_by_role("columnheader").all_inner_texts()
        assert [name for name in ("Active", "Next run", "History") if name not in headings] == []
        page.at.get_by_role("link", name="Overview").click()
        page.at.get_by_role("heading", name="Next firings").wait_for()
        page.at.get_by_role("link", name="REST API").click()
        page.at.get_by_text("/api/v1/runs/{run_id}/retry").wait_for()
        page.at.get_by_text("alice").click()
        page.at.get_by_role("button", name="Log out", exact=True).click()
        page.at.get_by_text("You are logged out.").wait_for()


def test_colours_and_zone_are_chosen_for_this_browser(browser: Browser, lived_in: House) -> None:
    with browser.visit(lived_in, timezone_id="Asia/Tokyo") as page:
        page.open("/runs?status=failed")
        page.at.get_by_text("Display").click()
        page.at.get_by_label("Colours").select_option("dark")
        page.at.get_by_label("Times in").select_option("mine")
        page.at.get_by_role("button", name="Apply").click()
        page.at.get_by_text("Times in Asia/Tokyo").wait_for()
        assert page.at.url == f"{lived_in.url}/runs?status=failed"
        assert page.at.locator("html").get_attribute("data-theme") == "dark"


def test_the_keyboard_is_enough(browser: Browser, lived_in: House) -> None:
    with browser.visit(lived_in) as page:
        page.open("/schedules")
        page.at.keyboard.press("j")
        page.at.keyboard.press("j")
        assert page.at.evaluate("document.activeElement.textContent") == "report"
        page.at.keyboard.press("k")
        assert page.at.evaluate("document.activeElement.textContent") == "news"
        page.at.keyboard.press("/")
        assert page.at.evaluate("document.activeElement.name") == "search"
        page.at.keyboard.press("Escape")
        page.at.locator("h1").click()
        page.at.keyboard.press("?")
        page.at.get_by_role("dialog").wait_for()


EVIL = """"'><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7 * 7 }}"""


@pytest.fixture
def defaced(house: House, hand: Callable[..., Hand], sql: Callable[..., Any]) -> House:
    """Whoever may write something has written a script there; run 1 goes on, 2 has failed, 3 is cancelled."""
    call = house.transport.call
    worker = hand(
        EVIL, description=EVIL, queue=EVIL, schema={"properties": {EVIL: {"title": EVIL, "default": EVIL}}}
    )
    sql("update hourhand.services set name = %s, host = %s, stats = jsonb_build_object(%s::text, %s::text) returning 1",
        EVIL, EVIL, EVIL, EVIL)  # fmt: skip
    payload = {EVIL: EVIL}
    written = {"description": EVIL, "tags": [EVIL], "payload": payload, "queue": EVIL}
    bands = {"1": 60, "limit": 5}
    for name, more in ((EVIL, {}), (f"{EVIL} paused", {}), (f"{EVIL} fleet", {"rank_intervals": bands})):
        call("put_schedule", {"p_schedule": {"name": name, "task": EVIL, "every": 60, **written, **more}})
    call("pause_schedule", {"p_schedule": f"{EVIL} paused", "p_note": EVIL})
    call(
        "set_items",
        {
            "p_schedule": f"{EVIL} fleet",
            "p_items": [{"item": EVIL, "rank": 9, "owner": EVIL, "payload": payload}],
        },
    )
    for _ in range(3):
        call("trigger_schedule", {"p_schedule": EVIL})
    going, failing, cancelled = worker.runs(3)
    call("set_progress", {"p_run_id": going["id"], "p_token": going["token"], "p_progress": payload})
    write(house.transport, worker, going, EVIL)
    worker.finish(failing, outcome="failed", error=dict.fromkeys(("class", "message", "traceback"), EVIL))
    call("cancel_run", {"p_run_id": cancelled["id"], "p_reason": EVIL})
    worker.finish(cancelled, outcome="cancelled", result=payload)
    call("pause_queue", {"p_queue": EVIL, "p_note": EVIL})
    house.add_user("<script>alert(3)</script>", "viewer")
    call("create_api_token", {"p_name": EVIL, "p_role": "viewer", "p_token_hash": "0" * 64})
    sql("insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, reason, decided_at)"
        " values (1, now(), 'missed', %s, now()) returning 1", EVIL)  # fmt: skip
    return house


def test_what_anybody_wrote_is_shown_and_not_run(
    browser: Browser, defaced: House, hand: Callable[..., Hand], enqueue: Callable[..., int]
) -> None:
    name = quote(EVIL, safe="")
    with browser.visit(defaced) as page:
        page.at.on("dialog", lambda dialog: page.complaints.append(dialog.message))
        for path in (*LISTS, f"/schedules/{name}", f"/schedules/{name}?at={name}", "/schedule/2/edit", "/schedule/1/versions",
                     f"/fleets/{name}%20fleet", "/runs/1", "/runs/2", "/runs/3", f"/runs?task={name}", f"/errors?search={name}",
                     f"/schedules?search={name}&tag={name}", f"/schedule/new?task={name}", "/run/bulk?action=retry"):  # fmt: skip
            page.open(path)
            assert page.at.locator("img, main script").count() == 0, path
        page.open("/schedules")
        assert page.at.get_by_role("link", name=EVIL, exact=True).count() == 1
        worker, run_id = hand(EVIL), enqueue(EVIL, queue="default")
        [run] = worker.runs()
        page.open(f"/runs/{run_id}")
        page.at.get_by_role("status").get_by_text("Live").wait_for()
        write(defaced.transport, worker, run, EVIL)
        page.at.locator("#lines").get_by_text(EVIL).wait_for()
        assert page.at.locator("img, main script").count() == 0


def test_an_unknown_run_has_a_page_that_says_so(browser: Browser, house: House) -> None:
    with browser.visit(house) as page:
        page.expect(404)
        page.open("/runs/12345")
        page.at.get_by_text("there is no run 12345").wait_for()
        page.is_accessible()


def test_without_javascript_the_pages_are_whole(browser: Browser, lived_in: House) -> None:
    how: dict[str, Any] = {"java_script_enabled": False}
    with browser.visit(lived_in, **how) as page:
        page.open("/schedules")
        page.at.get_by_label("Search").fill("report")
        page.at.get_by_role("button", name="Search").click()
        page.at.get_by_role("link", name="report").wait_for()
        assert page.at.get_by_role("link", name="news").count() == 0
