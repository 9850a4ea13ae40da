"""The pages in a real browser: nothing breaks, nothing is loud, and everybody can use them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.admin.browser import Browser
from tests.admin.house import PASSWORD, House
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
        page.at.get_by_role("button", name="Log out").click()
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


def test_what_a_user_wrote_is_shown_and_not_run(
    browser: Browser, house: House, add_schedule: Callable[..., int]
) -> None:
    name = '<img src=x onerror="alert(1)">'
    add_schedule(name, description="<script>alert(2)</script>")
    with browser.visit(house) as page:
        page.at.on("dialog", lambda dialog: page.complaints.append(dialog.message))
        page.open("/schedules")
        assert page.at.get_by_role("link", name=name).count() == 1


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
