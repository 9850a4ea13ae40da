"""`hourhand doctor --test-pipeline` through real daemons, by every way that daemons go."""

from datetime import timedelta

import pytest

from hourhand import Client
from hourhand_admin import diagnosis
from hourhand_admin.diagnosis import Diagnosis
from tests.contract.ways import DAEMON_WAYS, Place
from tests.contract.workshop import AnyWorkshop

pytestmark = pytest.mark.parametrize("place", DAEMON_WAYS, ids=str, indirect=True)

OFTEN = timedelta(milliseconds=100)


def sent_through(place: Place, *, schedule: bool = False) -> Diagnosis:
    found = Diagnosis()
    with Client(settings=place.settings()) as client:
        diagnosis.test_pipeline(client, found, "default", timedelta(seconds=30), schedule=schedule)
    return found


def test_a_run_comes_through_and_each_step_says_how_long_it_took(shop: AnyWorkshop, place: Place) -> None:
    with shop.working(worker_poll=OFTEN, name="one"):
        found = sent_through(place)
    assert found.findings == []
    assert [step.id for step in found.steps or ()] == ["sent", "claimed", "started", "finished", "read"]
    assert "by worker one" in [step.what for step in found.steps or ()]
    assert all(0 <= step.ms < 30_000 for step in found.steps or ())


def test_a_schedule_comes_through_and_leaves_no_schedule_behind(shop: AnyWorkshop, place: Place) -> None:
    with shop.working(worker_poll=OFTEN), shop.scheduling(scheduler_poll=OFTEN):
        found = sent_through(place, schedule=True)
    assert found.findings == []
    assert [step.id for step in found.steps or ()][:3] == ["scheduled", "fired", "claimed"]
    with Client(settings=place.settings()) as client:
        assert client.schedules.list() == []
        assert [run.status for run in client.runs.list()] == ["completed"]
