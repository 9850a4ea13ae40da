"""The span in which a run is asked for reaches the worker by every way to the database."""

import pytest

from hourhand import tracing
from hourhand.client import Client
from hourhand.run import Run
from hourhand.tasks import task
from tests.contract.ways import DAEMON_WAYS, Place
from tests.contract.workshop import AnyWorkshop

pytestmark = pytest.mark.parametrize("place", DAEMON_WAYS, ids=str, indirect=True)

SPAN = f"00-{1:032x}-{2:016x}-01"


def test_it_goes_along_with_every_run(
    place: Place, shop: AnyWorkshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    @task("t")
    def work(run: Run) -> None:
        seen.append(run.row["trace_context"])

    monkeypatch.setattr(tracing, "current", lambda: SPAN)
    with Client(settings=place.settings()) as client:
        client.schedules.create("nightly", "t", cron="0 3 * * *")
        first = client.enqueue("t")
        client.enqueue_many("t", [{}, {}])
        client.enqueue_many("t", [{}], key=str)
        client.schedules.trigger("nightly")
        shop.drain()
        client.runs.retry(first.id)
    shop.drain()
    assert seen == [SPAN] * 6
