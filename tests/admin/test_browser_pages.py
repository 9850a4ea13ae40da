"""Every page in a real browser: small, accessible in light and dark, at home on a narrow screen, and only its own."""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest

from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_admin.web.app import routes
from hourhand_admin.web.look.assets import assets
from tests.admin.browser import ELSEWHERE, Browser, Visited
from tests.admin.house import House, open_house
from tests.admin.test_events import write
from tests.admin.test_schedule_form import Feed
from tests.sql.conftest import Hand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Sql = Callable[..., list[Any]]
Record = Callable[[str, object], None]

MOST_BYTES = 40_960
NARROW = 360
OF_THE_STREAM = sum(len(assets()[name].zipped) for name in ("stream.js", "client.js"))
"""What the worker of all tabs loads: no tab hears of it."""

SCHEDULES = (
    "/schedules", "/schedule/new?task=task", "/schedule/1/edit", "/schedules/news?at=2026-11-04T02:30",
    "/schedules/broken", "/schedule/1/versions", "/schedule/1/backfill?from=2026-11-18T00:00",
    "/schedule/bulk?action=pause", "/fleets", "/fleets/fleet", "/calendar?day=2026-11-04",
    "/calendar?view=week&day=2026-11-04", "/calendar?view=day&day=2026-11-03",
)  # fmt: skip
OTHERS = (
    "/", "/runs", "/runs/1", "/runs/2", "/runs/4", "/run/bulk?action=cancel", "/run/bulk?action=retry",
    "/workers", "/queues", "/errors", "/audit", "/settings", "/api",
)  # fmt: skip
"""Run 1 has completed, 2 has failed, 4 goes on."""
LISTS = (
    "/",
    "/schedules",
    "/runs",
    "/calendar",
    "/errors",
    "/workers",
    "/queues",
    "/fleets",
    "/audit",
    "/settings",
)
LONG = "long" * 60
CUT_OFF = """
() => [...document.querySelectorAll("details.menu")].filter((menu) => {
  menu.open = true;
  const { left, right } = menu.querySelector(".panel").getBoundingClientRect();
  menu.open = false;
  return left < 0 || right > innerWidth;
}).map((menu) => `cut off: ${menu.innerText}`)
"""
NO_PAGES = re.compile(
    r"/(api/v1|static|jobs|trigger)/|/(metrics|healthz|readyz|openapi\.json)$|.*(\.csv|\.txt|/lines)$"
)


@pytest.fixture
def lived_in(house: House, hand: Callable[..., Hand], add_schedule: Callable[..., int], sql: Sql) -> House:
    """Schedules with a ledger, one that is broken, one that is paused and a fleet; runs of every status."""
    call = house.transport.call
    worker = hand("task", schema=Feed.model_json_schema(), description="Fetches a feed.")
    add_schedule(
        "news",
        cron="30 2 * * *",
        timezone="Europe/Berlin",
        tags=["feeds", LONG[:100]],
        jitter=5,
        payload={"url": "x"},
    )
    add_schedule(LONG[:200], description=LONG)
    add_schedule("broken", cron="61 * * * *")
    add_schedule("fleet", rank_intervals={"81": 60, "1": 3600, "limit": 5})
    add_schedule("report", description="Every morning, for the sales team.")
    call("pause_schedule", {"p_schedule": "report", "p_note": "on holiday"})
    sql("update hourhand.scheduled_jobs set error = 'cron: 61 is no minute' where name = 'broken'")
    sql("update hourhand.scheduled_jobs set next_run_at = now() + interval '1 hour',"
        " created_at = now() - interval '3 d' where name = 'news'")  # fmt: skip
    sql(
        "insert into hourhand.schedule_firings"
        " (schedule_id, scheduled_for, scheduled_until, count, decision, reason, decided_at) values"
        " (1, '2026-11-02 01:30Z', null, 1, 'fired', null, '2026-11-02 01:30Z'),"
        " (1, '2026-11-03 01:30Z', '2026-11-05 01:30Z', 3, 'missed', 'was too old', '2026-11-06 01:30Z')"
    )
    call("set_items", {"p_schedule": "fleet", "p_items": [{"item": "a", "rank": 90, "owner": "eve"}]})
    failure = {
        "class": "ValueError",
        "message": f"this feed is no XML: {LONG}",
        "traceback": f"Traceback {LONG}",
    }
    for outcome in ("completed", "failed", "completed"):
        call("trigger_schedule", {"p_schedule": "news"})
        worker.finish(*worker.runs(1), outcome=outcome, error=failure, result={"items": 3})
    call("trigger_schedule", {"p_schedule": "news"})
    [run] = worker.runs(1)
    write(house.transport, worker, run, *(f"page {number} is read: {LONG}" for number in range(1, 40)))
    call("trigger_schedule", {"p_schedule": "news"})
    call("put_schedule", {"p_schedule": {"name": "news", "description": "Fresh."}, "p_mode": "update"})
    return house


@pytest.fixture
def full(house: House, hand: Callable[..., Hand], add_schedule: Callable[..., int]) -> House:
    """More of everything than a page shows."""
    worker = hand("task", schema=Feed.model_json_schema())
    for number in range(60):
        name = f"schedule number {number}"
        add_schedule(name, cron="30 2 * * *", timezone="Europe/Berlin", tags=["feeds"], description="News.")
        house.transport.call("trigger_schedule", {"p_schedule": name})
        failure = {
            "class": f"Error{number}",
            "message": f"the feed {name} is no XML",
            "traceback": "Traceback …",
        }
        [run] = worker.runs(1)
        worker.finish(run, outcome="failed", error=failure)
    house.transport.call("enqueue", {"p_task": "task"})
    [run] = worker.runs(1)
    write(house.transport, worker, run, *(f"page {number} of the feed is read" for number in range(400)))
    return house


@dataclass
class Look:
    """What is wrong with one page."""

    path: str
    bytes: int
    light: list[str] = field(default_factory=list)
    dark: list[str] = field(default_factory=list)
    width: int = 0
    breaches: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    cut_off: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        heavy = [f"{self.bytes} bytes"] * (self.bytes > MOST_BYTES)
        wide = [f"{self.width} pixels wide"] * (self.width > NARROW)
        return [*heavy, *wide, *self.light, *self.dark, *self.breaches, *self.elsewhere, *self.cut_off]

    def __str__(self) -> str:
        counts = (len(found) for found in (self.light, self.dark, self.breaches, self.elsewhere))
        return f"{self.path:<46}{self.bytes / 1024:5.1f} kB" + "".join(f"{count:>3}" for count in counts)


def look(page: Visited, path: str, named: str = "") -> Look:
    page.open(path)
    seen = Look(named or path, page.weight + OF_THE_STREAM)
    page.at.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    seen.light = page.barriers()
    page.at.emulate_media(color_scheme="dark")
    seen.dark = page.barriers("color-contrast")  # nothing else is different there
    page.at.set_viewport_size({"width": NARROW, "height": 700})
    page.at.evaluate("for (const each of document.querySelectorAll('details')) each.open = false")
    seen.width = page.at.evaluate("document.documentElement.scrollWidth")
    seen.cut_off = page.at.evaluate(CUT_OFF)
    seen.breaches, seen.elsewhere = page.breaches(), page.elsewhere()
    return seen


def all_well(
    visits: Callable[[], AbstractContextManager[Visited]],
    paths: Sequence[str],
    record: Record,
    state: str = "",
) -> None:
    seen = []
    for path in paths:
        with visits() as page:
            seen.append(look(page, path, f"{path}{f' ({state})' if state else ''}"))
    for each in seen:
        record("page", str(each))
    assert {each.path: each.faults for each in seen if each.faults} == {}


@pytest.mark.parametrize("paths", [SCHEDULES, OTHERS], ids=["schedules", "others"])
def test_every_page_is_small_accessible_and_only_its_own(
    browser: Browser, lived_in: House, paths: tuple[str, ...], record_property: Record
) -> None:
    all_well(lambda: browser.visit(lived_in, "admin"), paths, record_property)


def test_pages_with_as_much_as_they_show_are_small_too(full: House, record_property: Record) -> None:
    person = full.person("admin")
    others = sum(len(asset.zipped) for asset in assets().values())
    for path in (*LISTS, "/runs/61"):
        size = others + person.get(path).num_bytes_downloaded
        record_property("measured", f"{path} with as much as it shows: {size / 1024:.1f} kB")
        assert size <= MOST_BYTES, path


def test_so_are_pages_with_nothing_on_them_and_that_of_the_login(
    browser: Browser, house: House, record_property: Record
) -> None:
    all_well(lambda: browser.visit(house, "operator"), LISTS[:-1], record_property, "empty")
    all_well(lambda: browser.visit(house, None), ["/login"], record_property)


def test_so_are_pages_of_what_is_not_there_and_of_services_that_are_silent(
    browser: Browser, lived_in: House, sql: Sql, record_property: Record
) -> None:
    sql(
        "update hourhand.services set lease_until = now() - interval '1 hour', beat_at = now() - interval '1 hour'"
    )
    paths = ["/", "/workers", "/schedules/news"]
    all_well(lambda: browser.visit(lived_in, "viewer"), paths, record_property, "stale")
    with browser.visit(lived_in, "viewer") as page:
        page.expect(404)
        page.expect(422)
        page.expect(403)
        wrong = ("/runs/12345", "/schedules/none", "/nowhere", "/runs?before=0", "/settings")
        seen = [look(page, path, f"{path} (error)") for path in wrong]
    for each in seen:
        record_property("page", str(each))
    assert {each.path: each.faults for each in seen if each.faults} == {}


def test_so_are_pages_of_an_admin_below_a_path(
    browser: Browser, settings: Settings, transport: Transport, record_property: Record
) -> None:
    transport.call("put_schedule", {"p_schedule": {"name": "a/b", "task": "task", "every": 3600}})
    transport.call("trigger_schedule", {"p_schedule": "a/b"})
    with open_house(settings, transport, mounted="/jobs") as house:
        paths = ["/schedules/a%2Fb", "/runs/1"]
        all_well(lambda: browser.visit(house, "operator"), paths, record_property, "/jobs")
        with browser.visit(house, "operator") as page:
            page.open("/runs")
            page.at.get_by_role("link", name="1", exact=True).click()
            page.at.get_by_role("status").get_by_text("Live").wait_for()
            page.at.get_by_text("Cancel…").click()
            page.at.get_by_role("button", name="Cancel it").click()
            page.at.get_by_text("Run 1 is cancelled.").wait_for()
            assert page.at.url == f"{house.url}/runs/1"


def test_no_page_is_forgotten(house: House) -> None:
    looked_at = {path.partition("?")[0] for path in (*SCHEDULES, *OTHERS, *LISTS, "/login")}
    forgotten = []
    for route in routes(house.app):
        pattern = re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(route.path)))
        if "GET" in route.methods and not NO_PAGES.match(route.path):
            forgotten += [] if any(pattern.fullmatch(path) for path in looked_at) else [route.path]
    assert forgotten == []


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
        ("void (location.href = 'http://127.0.0.1:1/')", ELSEWHERE),
        ("fetch('/nowhere')", "404 GET"),
        ("setTimeout(() => { throw new Error('broken') })", "error: broken"),
        ("console.warn('careful')", "console warning: careful"),
    ],
)
def test_what_the_browser_complains_of_is_heard(
    browser: Browser, house: House, script: str, complaint: str
) -> None:
    heard: list[str] = []

    def visit() -> None:
        with browser.visit(house) as page:
            page.open("/runs")
            page.at.evaluate(script)
            page.at.wait_for_timeout(200)
            heard.extend(page.complaints)

    with pytest.raises(AssertionError):
        visit()
    assert complaint in " ".join(heard)
