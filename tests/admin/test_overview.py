"""The first page: what needs attention, and the way to it."""

from collections.abc import Callable
from typing import Any

import pytest

from hourhand_admin.web.pages.overview import PLACES
from tests.admin.house import House

Sql = Callable[..., list[Any]]


@pytest.mark.parametrize("address", sorted({address for _, address in PLACES.values()}))
def test_each_finding_leads_to_a_page(house: House, address: str) -> None:
    assert house.person("viewer").get(address).status_code == 200


def test_a_broken_schedule_needs_attention_and_is_a_link_away(
    house: House, add_schedule: Callable[..., int], sql: Sql
) -> None:
    add_schedule("good")
    add_schedule("bad")
    sql("update hourhand.scheduled_jobs set error = 'no minute 61' where name = 'bad' returning 1")
    person = house.person("viewer")
    page = person.get("/").text
    assert "1 schedule is stopped by an error" in page
    assert '<a href="/schedules?state=broken">Broken schedules</a>' in page
    shown = person.get("/schedules?state=broken").text
    assert "no minute 61" in shown
    assert "good" not in shown
