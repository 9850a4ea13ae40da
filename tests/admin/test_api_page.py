"""The page that describes the REST API, and the reference."""

import re
from pathlib import Path

import pytest

from tests.admin.browser import Browser
from tests.admin.house import House

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "rest.md"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_api_is_shown_to_people_without_anything_from_elsewhere(
    browser: Browser, house: House, scheme: str
) -> None:
    with browser.visit(house, "viewer", scheme=scheme) as page:
        page.open("/api")
        page.is_accessible()
        assert page.weight <= 40_960
        page.at.get_by_text("POST /api/v1/runs", exact=True).click()
        assert page.at.get_by_text("ingest-rss").first.is_visible()


def test_every_route_is_in_the_reference(house: House) -> None:
    text = re.sub(r"```.*?```", "", REFERENCE.read_text("utf-8"), flags=re.DOTALL)
    named = {part for word in re.findall(r"`([^`]+)`", text) for part in re.split(r"[ ,/]+", word)}
    described = house.program(None).ask("GET", "/openapi.json").json()
    for path in described["paths"]:
        last = [part for part in path.split("/") if not part.startswith("{")][-1]
        assert last in named, path


def test_the_description_has_no_operation_twice_and_says_what_each_does(house: House) -> None:
    described = house.program(None).ask("GET", "/openapi.json").json()
    operations = [each for path in described["paths"].values() for each in path.values()]
    ids = [each["operationId"] for each in operations]
    assert len(ids) == len(set(ids)) >= 30
    assert all(each.get("description") or each.get("summary") for each in operations)
