"""Pages that show what happens while it happens: the log of a run, and lists, over one stream for all tabs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.admin.browser import Browser, Scheme, Visited
from tests.admin.house import House
from tests.admin.test_events import write
from tests.sql.conftest import Hand
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(120)

Hands = Callable[..., Hand]
Enqueue = Callable[..., int]


def in_browser(page: Visited, condition: Callable[[], Any]) -> None:
    """Waits for a fact while the browser goes on."""
    for _ in range(400):
        if condition():
            return
        page.at.wait_for_timeout(50)
    raise AssertionError("not within 20 s")


def is_live(page: Visited) -> None:
    in_browser(page, lambda: page.house.app.state.live.streams >= 1)


def marked(page: Visited) -> None:
    """From now on a reload would be seen."""
    page.at.evaluate("window.untouched = true")


def is_reloaded(page: Visited) -> bool:
    return not page.at.evaluate("window.untouched")


def end_is_seen(page: Visited) -> bool:
    script = "(pre) => pre.scrollHeight - pre.scrollTop - pre.clientHeight < 8"
    return bool(page.at.locator("#lines").evaluate(script))


def test_a_script_that_comes_late_hears_everything(browser: Browser, house: House, enqueue: Enqueue) -> None:
    run_id = enqueue()

    def slowly(route: Route) -> None:
        with suppress(AssertionError):
            eventually(lambda: house.app.state.live.streams, 1)  # whose first word would not be heard
        route.continue_()

    with browser.visit(house, "operator") as page:
        page.at.route("**/follow.js", slowly)
        page.open(f"/runs/{run_id}")
        page.at.get_by_role("status").get_by_text("Live").wait_for()


def test_the_log_of_a_run_is_followed_to_its_end(
    browser: Browser, house: House, enqueue: Enqueue, hand: Hands
) -> None:
    run_id, worker = enqueue(), hand()
    [run] = worker.runs()
    with browser.visit(house, "operator") as page:
        page.open(f"/runs/{run_id}")
        page.at.get_by_text("It has written nothing yet.").wait_for()
        page.at.get_by_role("status").get_by_text("Live").wait_for()
        marked(page)
        write(house.transport, worker, run, *(f"line {n} <b>&amp;" for n in range(1, 61)))
        page.at.get_by_text("line 60 <b>&amp;", exact=False).wait_for()
        assert page.at.get_by_text("It has written nothing").is_hidden()
        in_browser(page, lambda: end_is_seen(page))

        page.at.locator("#lines").evaluate("(pre) => { pre.scrollTop = 0 }")
        write(house.transport, worker, run, "line 61", first=61)
        more = page.at.get_by_role("button", name="New lines below")
        more.wait_for()
        assert page.at.locator("#lines").evaluate("(pre) => pre.scrollTop") == 0, "who reads is left alone"
        more.click()
        assert end_is_seen(page)
        assert more.is_hidden()

        write(house.transport, worker, run, "line 62", first=62)
        page.at.get_by_text("line 62").wait_for()
        in_browser(page, lambda: end_is_seen(page))
        assert page.at.get_by_role("link", name="Retry").count() == 0
        worker.finish(run, result={"items": 62})
        page.at.get_by_role("status").get_by_text("Ended").wait_for()
        page.at.get_by_role("link", name="Retry").wait_for()
        page.at.get_by_role("button", name="Retry it").wait_for()
        page.at.locator("#answer").get_by_text('"items": 62').wait_for()
        assert not is_reloaded(page)
        shown = page.at.locator("#lines").inner_text().splitlines()
        assert [line.split(" INFO ")[1].split(" <b>")[0] for line in shown] == [
            f"line {n}" for n in range(1, 63)
        ]
        with page.at.expect_download() as download:
            page.at.get_by_role("link", name="Download").click()
        assert download.value.suggested_filename == f"run-{run_id}.txt"
        assert len(download.value.path().read_text("utf-8").splitlines()) == 62


def test_a_long_log_is_read_in_pieces_and_once(
    browser: Browser, house: House, enqueue: Enqueue, hand: Hands
) -> None:
    run_id, worker = enqueue(), hand()
    [run] = worker.runs()
    with browser.visit(house, "viewer") as page:
        page.open(f"/runs/{run_id}")
        page.at.get_by_role("status").get_by_text("Live").wait_for()
        for first in range(1, 6001, 1000):
            write(house.transport, worker, run, *(f"line {first + n}" for n in range(1000)), first=first)
        page.at.get_by_text("line 6000").wait_for()
        shown = page.at.locator("#lines").inner_text().splitlines()
        assert [int(line.rpartition(" ")[2]) for line in shown] == list(range(1001, 6001))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_run_that_goes_on_is_accessible(
    browser: Browser, house: House, enqueue: Enqueue, hand: Hands, scheme: Scheme
) -> None:
    run_id, worker = enqueue(), hand()
    [run] = worker.runs()
    with browser.visit(house, "operator", scheme=scheme) as page:
        page.open(f"/runs/{run_id}")
        page.at.get_by_role("status").get_by_text("Live").wait_for()
        write(house.transport, worker, run, *(f"line {n}" for n in range(60)))
        page.at.get_by_text("line 59").wait_for()
        page.at.locator("#lines").evaluate("(pre) => { pre.scrollTop = 0 }")
        lines = [{"run_id": run_id, "token": run["token"], "attempt": 1, "seq": 99, "level": level,
                  "at": "2026-11-22T06:00:00Z", "message": level} for level in ("WARNING", "ERROR")]  # fmt: skip
        house.transport.call("append_logs", {"p_session": worker.session, "p_logs": lines[:1]})
        house.transport.call(
            "append_logs", {"p_session": worker.session, "p_logs": [{**lines[1], "seq": 100}]}
        )
        page.at.get_by_text("ERROR ERROR").wait_for()
        page.at.get_by_role("button", name="New lines below").wait_for()
        page.is_accessible()


def test_what_somebody_writes_into_a_live_page_stays(
    browser: Browser, house: House, enqueue: Enqueue, hand: Hands
) -> None:
    run_id, worker = enqueue(), hand()
    with browser.visit(house, "operator") as page:
        page.open(f"/runs/{run_id}")
        page.at.get_by_role("status").get_by_text("Live").wait_for()
        page.at.get_by_text("Cancel…").click()
        page.at.get_by_label("Why").fill("too late")
        worker.finish(*worker.runs())
        page.at.locator("#run").get_by_text("completed").wait_for()
        assert page.at.get_by_label("Why").input_value() == "too late"
        page.at.get_by_role("button", name="Cancel it").click()
        page.at.get_by_text(f"Run {run_id} had ended before: it is completed.").wait_for()


@contextmanager
def looks(page: Visited, path: str) -> Iterator[list[str]]:
    """The requests of scripts for this page, while inside."""
    seen: list[str] = []

    def note(request: Any) -> None:
        if request.resource_type == "fetch" and request.url.endswith(path):
            seen.append(request.url)

    page.at.on("request", note)
    yield seen
    page.at.remove_listener("request", note)


def test_a_list_is_looked_at_again_only_when_something_has_changed(
    browser: Browser, house: House, enqueue: Enqueue
) -> None:
    with browser.visit(house, "viewer") as page, looks(page, "/runs") as seen:
        page.open("/runs")
        page.at.get_by_text("No runs yet").wait_for()
        in_browser(page, lambda: len(seen) == 1)  # for what may have happened until the stream was there
        marked(page)
        page.at.wait_for_timeout(6000)  # longer than a page without a stream would wait
        assert len(seen) == 1
        run_id = enqueue()
        page.at.get_by_role("link", name=str(run_id), exact=True).wait_for()
        assert not is_reloaded(page)


def test_what_answers_a_refused_form_stays_as_it_is(
    browser: Browser, house: House, enqueue: Enqueue, hand: Hands
) -> None:
    run_id, worker = enqueue(), hand()
    worker.finish(*worker.runs())
    with browser.visit(house, "operator") as page:
        page.open(f"/runs/{run_id}")
        page.at.clock.install()
        page.expect(422)
        page.at.get_by_label("With this payload").fill("{nonsense")
        page.at.get_by_role("button", name="Retry it").click()
        page.at.get_by_text("not JSON").wait_for()
        with looks(page, "/retry") as seen:
            page.at.clock.run_for(60_000)
            page.at.wait_for_timeout(100)
        assert seen == []
        assert page.at.get_by_label("With this payload").input_value() == "{nonsense"


def test_seven_tabs_have_one_stream_and_an_eighth_still_opens(
    browser: Browser, house: House, enqueue: Enqueue, hand: Hands
) -> None:
    worker = hand()
    watched = [enqueue(), enqueue()]
    runs = {run["id"]: run for run in worker.runs()}
    with browser.visit(house, "operator") as page:
        tabs = [page, *(page.tab() for _ in range(6))]
        for tab, path in zip(
            tabs,
            ["/runs", "/", "/schedules", *(f"/runs/{run}" for run in watched), "/workers", "/runs"],
            strict=True,
        ):
            tab.open(path)
            marked(tab)
        hub = house.app.state.live
        in_browser(page, lambda: (hub.streams, hub.runs) == (1, 2))
        eighth = page.tab()
        eighth.open("/audit")
        eighth.at.get_by_role("heading", name="Audit").wait_for()
        for number, run_id in enumerate(watched):
            write(house.transport, worker, runs[run_id], f"of run {run_id}")
            tabs[3 + number].at.get_by_text(f"of run {run_id}").wait_for()
        run_id = enqueue("news")
        for tab in (tabs[0], tabs[6]):
            tab.at.get_by_role("link", name=str(run_id), exact=True).wait_for()
        assert not any(is_reloaded(tab) for tab in tabs)
        assert hub.streams == 1
        for tab in tabs[1:]:
            tab.at.close()
        in_browser(page, lambda: (hub.streams, hub.runs) == (1, 0))


def test_a_browser_without_shared_workers_has_a_stream_for_each_tab_that_is_seen(
    browser: Browser, house: House, enqueue: Enqueue
) -> None:
    with browser.visit(house, "viewer") as page:
        page.at.add_init_script("delete window.SharedWorker")
        page.open("/runs")
        is_live(page)
        run_id = enqueue()
        page.at.get_by_role("link", name=str(run_id), exact=True).wait_for()
        page.at.evaluate(
            "Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        in_browser(page, lambda: house.app.state.live.streams == 0)


def test_without_a_stream_pages_look_for_themselves(
    browser: Browser, house: House, enqueue: Enqueue, hand: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourhand_admin.web.live.hub.MOST_STREAMS", 0)
    run_id, worker = enqueue(), hand()
    [run] = worker.runs()
    with browser.visit(house, "viewer") as page:
        page.open(f"/runs/{run_id}")
        page.at.get_by_role("status").get_by_text("Looks every 5 seconds").wait_for()
        write(house.transport, worker, run, "seen all the same")
        page.at.get_by_text("seen all the same").wait_for()
        page.is_accessible()
        monkeypatch.undo()
        page.at.get_by_role("status").get_by_text("Live").wait_for()


def test_whose_login_is_over_hears_nothing_more(
    browser: Browser, house: House, enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourhand_admin.web.live.stream.LONGEST", 0.5)
    with browser.visit(house, "viewer") as page:
        page.open(f"/runs/{enqueue()}")
        page.at.get_by_role("status").get_by_text("Live").wait_for()
        page.expect(401)
        page.at.context.clear_cookies()
        page.at.get_by_role("status").get_by_text("Looks every 5 seconds").wait_for()
        in_browser(page, lambda: house.app.state.live.streams == 0)
        page.at.get_by_text("Your login is over.").wait_for()
        page.is_accessible()
        page.at.get_by_role("link", name="Look again").click()
        page.at.get_by_role("heading", name="Log in").wait_for()


def test_a_computer_that_has_slept_looks_at_once(browser: Browser, house: House, enqueue: Enqueue) -> None:
    with browser.visit(house, "viewer") as page:
        page.at.clock.install()
        page.open(f"/runs/{enqueue()}")
        page.at.get_by_role("status").get_by_text("Live").wait_for()
        page.at.clock.fast_forward(2000)  # what came with the page has been looked at
        with page.at.expect_request(lambda request: request.url == page.at.url):
            page.at.clock.fast_forward("08:00:00")
            page.at.clock.fast_forward(1000)


def test_an_admin_that_does_not_answer_is_told_of_and_then_no_more(
    browser: Browser, house: House, enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue()
    with browser.visit(house, "viewer") as page:
        page.open("/runs")
        is_live(page)
        page.at.context.route("**/runs", lambda route: route.abort())
        page.complaints.clear()
        run_id = enqueue()
        page.at.get_by_text("The admin does not answer.").wait_for()
        page.is_accessible()
        page.at.context.unroute("**/runs")
        enqueue()
        page.at.get_by_role("link", name=str(run_id), exact=True).wait_for()
        assert page.at.get_by_text("The admin does not answer.").is_hidden()


def test_who_goes_back_sees_how_things_are_now(
    browser: Browser, house: House, enqueue: Enqueue, hand: Hands
) -> None:
    first = enqueue()
    with browser.visit(house, "viewer") as page:
        page.open("/runs")
        page.at.get_by_role("link", name=str(first), exact=True).click()
        page.at.get_by_role("heading", name=f"Run {first}").wait_for()
        second = enqueue()
        page.at.go_back()
        page.at.get_by_role("link", name=str(second), exact=True).wait_for()
        is_live(page)
        third = enqueue()
        page.at.get_by_role("link", name=str(third), exact=True).wait_for()


def test_who_has_logged_out_does_not_see_the_pages_by_going_back(browser: Browser, house: House) -> None:
    with browser.visit(house, "viewer") as page:
        page.open("/runs")
        page.at.locator("summary").get_by_text("viewer").click()
        page.at.get_by_role("button", name="Log out", exact=True).click()
        page.at.get_by_text("You are logged out.").wait_for()
        page.at.go_back()
        page.at.get_by_role("button", name="Log in").wait_for()
