"""The whole way of a schedule as somebody sees it in a browser, with a real scheduler and worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admin.browser import Browser, Visited
from tests.admin.stories import Home, settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

TASKS = """
import threading
from hourhand import Run, task

@task("fetch", max_attempts=1)
def fetch(run: Run, url: str, pages: int = 6) -> dict[str, int]:
    for page in range(1, pages + 1):
        run.log.info("page {} of {}", page, url)
        threading.Event().wait(0.5)
    if "broken" in url:
        raise ValueError(f"{url} is no feed")
    return {"pages": pages}
"""


@pytest.fixture(params=["postgres", "supabase"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """On Supabase there is nothing but the address of the project and its key."""
    if request.param == "supabase":
        environment = request.getfixturevalue("postgrest").environment
    else:
        environment = {"DATABASE_URL": request.getfixturevalue("database_url")}
    with settled(environment, tmp_path) as home:
        assert home.house.transport.name == request.param
        yield home


def test_a_schedule_from_its_form_to_the_firing_that_was_skipped(browser: Browser, home: Home) -> None:
    with home.daemons(TASKS), browser.visit(home.house, "operator") as page:
        it_is_created(page)
        failed = its_run_is_followed_until_it_fails(page)
        the_failed_run_is_retried_with_another_payload(page, failed)
        the_list_tells_of_it(page)
        the_ledger_says_why_a_firing_was_skipped(page)


def it_is_created(page: Visited) -> None:
    page.open("/schedules")
    page.at.get_by_role("link", name="New schedule").click()
    page.at.get_by_label("Name", exact=True).fill("feeds")
    page.at.get_by_label("Task").fill("fetch")
    page.at.keyboard.press("Tab")  # the fields of its payload come
    page.at.get_by_label("Url *").fill("https://example.org/broken")
    page.at.get_by_label("Every", exact=True).check()
    page.at.get_by_label("How often").fill("1s")
    page.at.locator("#preview").get_by_text("Every 1s", exact=True).wait_for()
    page.at.get_by_role("button", name="Create").click()
    page.at.get_by_text("Schedule feeds is created.").wait_for()


def its_run_is_followed_until_it_fails(page: Visited) -> str:
    """The address of the run's page."""
    page.at.get_by_role("region", name="The last runs").get_by_role("link").first.click()
    page.at.get_by_role("heading", name="Log").wait_for()
    page.at.evaluate("window.untouched = true")
    page.at.get_by_text("page 1 of https://example.org/broken").wait_for()
    page.at.get_by_text("page 5 of https://example.org/broken").wait_for()
    assert page.at.evaluate("window.untouched"), "the lines came without a reload"
    page.at.get_by_role("heading", name="Error").wait_for()
    page.at.get_by_text("https://example.org/broken is no feed").first.wait_for()
    return page.at.url


def the_failed_run_is_retried_with_another_payload(page: Visited, failed: str) -> None:
    page.at.get_by_role("link", name="Retry").click()
    page.at.get_by_label("With this payload").fill('{"url": "https://example.org/rss", "pages": 2}')
    page.at.get_by_role("button", name="Retry it").click()
    page.at.get_by_text(f"retries run {failed.rpartition('/')[2]}.").wait_for()
    page.at.get_by_text("page 2 of https://example.org/rss").wait_for()
    page.at.locator("#answer").get_by_text('"pages": 2').wait_for()
    page.at.locator("#run").get_by_text("completed").wait_for()


def the_list_tells_of_it(page: Visited) -> None:
    page.at.get_by_role("link", name="Schedules").click()
    row = page.at.get_by_role("row").filter(has_text="feeds")
    headings = page.at.get_by_role("columnheader").all_inner_texts()
    cells = row.get_by_role("cell")
    assert cells.nth(headings.index("Active")).inner_text() == "active"
    cells.nth(headings.index("Next run")).locator("time").first.wait_for()
    cells.nth(headings.index("History")).locator("rect.s-failed").first.wait_for()
    row.get_by_role("link", name="feeds").click()


def the_ledger_says_why_a_firing_was_skipped(page: Visited) -> None:
    page.at.get_by_role("heading", name="Why did it run, or not?").wait_for()
    skipped = page.at.get_by_role("row").filter(has_text="skipped overlap").first
    skipped.get_by_role("link").first.click()
    page.at.get_by_text("it was skipped, because").wait_for()
    page.is_accessible()
