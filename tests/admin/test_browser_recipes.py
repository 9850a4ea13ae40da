"""The recipes of docs/how-to/job-status.md, as they stand there, on a page of somebody else's with the admin at /jobs."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hourhand.settings import Settings
from hourhand.transport import Transport
from tests.admin.browser import Browser, Visited
from tests.admin.house import House, open_house
from tests.admin.test_events import write
from tests.docs.markdown import blocks
from tests.sql.conftest import Hand
from tests.support.npm import npm_program

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "job-status.md"
REACT = "18.3.1"
PARTS = {
    "scheduler": "scheduler/cjs/scheduler.production.min.js",
    "react": "react/cjs/react.production.min.js",
    "react-dom": "react-dom/cjs/react-dom.production.min.js",
}
"""Of React, which comes as CommonJS."""
EMPTY = '<!doctype html><title>a page</title><div id="root"></div>'
IMPORTS = '<script type="importmap">{"imports": {"react": "/react.js"}}</script>'
REPORT = """
import { createElement, createRoot } from "/react.js";
import { useJobStatus } from "/recipe.js";
const { id, token } = Object.fromEntries(new URLSearchParams(location.search));
const Report = () => createElement("p", {}, JSON.stringify(useJobStatus({ runId: Number(id), token })));
createRoot(document.getElementById("root")).render(createElement(Report));
"""
PLAIN = """
const { id, token } = Object.fromEntries(new URLSearchParams(location.search));
const runId = Number(id);
const add = (...told) => (document.getElementById("root").textContent += JSON.stringify(told));
const show = add, append = add;
"""


def react() -> str:
    modules = Path(npm_program("react-dom", REACT, "package.json")).parents[1]
    parts = ",".join(
        f"{json.dumps(name)}: (module, exports, require) => {{{(modules / path).read_text('utf-8')}}}"
        for name, path in PARTS.items()
    )
    return f"""const parts = {{{parts}}};
const loaded = {{}};
function load(name) {{
  if (!loaded[name]) parts[name]((loaded[name] = {{ exports: {{}} }}), loaded[name].exports, load);
  return loaded[name].exports;
}}
export const {{ createElement, useEffect, useState }} = load("react");
export const {{ createRoot }} = load("react-dom");
"""


def recipe(what: str) -> str:
    """The block of the page in which this is."""
    [found] = [block.text for block in blocks(PAGE, "js") if what in block.text]
    return found


@pytest.fixture
def house(settings: Settings, transport: Transport) -> Iterator[House]:
    scripts = {
        "/react.js": react(),
        "/recipe.js": recipe("export function useJobStatus"),
        "/report.js": REPORT,
        "/plain.js": PLAIN + recipe("const stop = subscribeRun"),
    }
    beside = [Route(path, answer(text, "text/javascript")) for path, text in scripts.items()]
    for name in ("report", "plain"):
        page = f'{EMPTY}{IMPORTS}<script type="module" src="/{name}.js"></script>'
        beside.append(Route(f"/{name}", answer(page, "text/html")))
    with open_house(settings, transport, mounted="/jobs", beside=beside) as house:
        yield house


def answer(text: str, kind: str) -> Callable[[Request], Response]:
    return lambda _: Response(text, media_type=kind)


@contextmanager
def somebody(browser: Browser, house: House) -> Iterator[Visited]:
    """Who has no login of the admin, at pages beside it."""
    with browser.visit(replace(house, url=house.url.removesuffix("/jobs")), None) as page:
        yield page


def token_for(house: House, run_id: int) -> str:
    token: str = house.program("viewer").ask("POST", f"/api/v1/runs/{run_id}/token").json()["token"]
    return token


def shown(page: Visited, text: str) -> None:
    page.at.locator("#root").get_by_text(text).wait_for()


def test_a_component_shows_how_a_run_goes_on(
    browser: Browser, house: House, enqueue: Callable[..., int], hand: Callable[..., Hand]
) -> None:
    run_id, worker = enqueue(), hand()
    with somebody(browser, house) as page:
        page.open(f"/report?{urlencode({'id': run_id, 'token': token_for(house, run_id)})}")
        shown(page, '"status":"QUEUED"')
        [run] = worker.runs()
        shown(page, '"status":"EXECUTING"')
        progress = {"p_run_id": run_id, "p_token": run["token"], "p_progress": {"done": 1}}
        house.transport.call("set_progress", progress)
        shown(page, '"progress":{"done":1}')
        worker.finish(run, result={"url": "/report.pdf"})
        shown(page, '"status":"COMPLETED","progress":{"done":1},"output":{"url":"/report.pdf"}')


def test_a_component_shows_why_a_run_has_failed_or_may_not_be_seen(
    browser: Browser, house: House, enqueue: Callable[..., int], hand: Callable[..., Hand]
) -> None:
    run_id, worker = enqueue(), hand()
    worker.finish(*worker.runs(), outcome="failed", error={"class": "ValueError", "message": "no month"})
    with somebody(browser, house) as page:
        page.open(f"/report?{urlencode({'id': run_id, 'token': token_for(house, run_id)})}")
        shown(page, '"status":"FAILED"')
        shown(page, "no month")
        page.expect(401)
        page.open(f"/report?{urlencode({'id': run_id, 'token': 'made up'})}")
        shown(page, '"status":null')
        shown(page, "The token is unknown")


def test_a_page_without_a_framework_hears_all_of_a_run(
    browser: Browser, house: House, enqueue: Callable[..., int], hand: Callable[..., Hand]
) -> None:
    run_id, worker = enqueue(), hand()
    [run] = worker.runs()
    write(house.transport, worker, run, "one", "two")
    with somebody(browser, house) as page:
        page.open(f"/plain?{urlencode({'id': run_id, 'token': token_for(house, run_id)})}")
        shown(page, '["one"]["two"]')
        worker.finish(run, result={"items": 2})
        shown(page, '["completed",{"items":2}]')
