"""The pages about schedules in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.admin.browser import Browser
from tests.admin.house import House
from tests.admin.test_schedule_form import Feed
from tests.sql.conftest import Hand

pytestmark = pytest.mark.timeout(180)

PRESSED_TWICE = """
() => [1, 2].map(() => {
  const event = new Event("submit", { cancelable: true, bubbles: true });
  document.getElementById("schedule").dispatchEvent(event);
  return event.defaultPrevented;
})
"""


@pytest.fixture
def lived_in(house: House, hand: Callable[..., Hand], add_schedule: Callable[..., int]) -> House:
    """A schedule, and a task with a schema for its payload."""
    hand("task", schema=Feed.model_json_schema(), description="Fetches a feed.")
    add_schedule("news", cron="30 2 * * *", timezone="Europe/Berlin", jitter=5, payload={"url": "x"})
    return house


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


def test_a_schedule_is_filled_in_without_leaving_the_page_and_sent_once(
    browser: Browser, lived_in: House
) -> None:
    with browser.visit(lived_in, "operator") as page:
        page.open("/schedule/new")
        page.at.get_by_label("Name", exact=True).fill("plain")
        page.at.get_by_label("Task").fill("task")
        description = page.at.get_by_label("Description")
        description.press_sequentially("now and then")
        page.at.get_by_text("Fetches a feed.").wait_for()
        page.at.get_by_label("Url *").fill("https://x")
        assert description.input_value() == "now and then"
        page.at.get_by_label("Cron expression").fill("0 9 * * 1-5")
        page.at.locator("#preview").get_by_text("https://x").wait_for()
        assert page.at.evaluate(PRESSED_TWICE) == [False, True]


def test_of_two_previews_the_last_one_asked_for_is_shown(browser: Browser, lived_in: House) -> None:
    first: list[Route] = []

    def hold(route: Route) -> None:
        route.continue_() if first else first.append(route)

    with browser.visit(lived_in, "operator") as page:
        page.open("/schedule/1/edit")
        preview = page.at.locator("#preview")
        preview.get_by_text("At 02:30 every day").wait_for()
        page.at.route("**/schedule/preview", hold)
        cron = page.at.get_by_label("Cron expression")
        with page.at.expect_request("**/schedule/preview"):
            cron.fill("15 3 * * *")
        cron.fill("20 4 * * *")
        preview.get_by_text("At 04:20 every day").wait_for()
        first[0].continue_()
        page.at.wait_for_timeout(200)
        preview.get_by_text("At 04:20 every day").wait_for()
