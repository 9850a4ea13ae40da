"""Poison tasks of every kind, in each way to run them: each ends with the true reason, its neighbours as if
it had not been there.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.zoo import ANIMALS, HEALTHY_RESULT, KILLERS, NEIGHBOURS, Animal
from tests.support import eventually
from tests.support.chaos import Daemon, Print, Site

pytestmark = pytest.mark.slow

ENQUEUE = """
    select hourhand.enqueue(
      p_task => %s, p_payload => %s, p_timeout => make_interval(secs => %s), p_max_attempts => %s
    ) -> 'id'
"""
LEFT = """
    select count(*) from hourhand.job_runs
    where task <> 'zoo-nobody-knows-this' and status in ('pending', 'processing')
"""


@dataclass
class Sighting:
    """One animal, its run, and the healthy run that was enqueued right behind it."""

    animal: Animal
    run: dict[str, Any]
    neighbour: dict[str, Any]

    @property
    def said(self) -> str:
        return self.run["error"] or json.dumps(self.run["result"], ensure_ascii=False)

    @property
    def as_told(self) -> bool:
        return self.run["status"] == self.animal.ends and bool(re.search(self.animal.says, self.said))

    @property
    def row(self) -> str:
        mark = "" if self.as_told else f"  ← not {self.animal.ends}: {self.animal.says}"
        said = self.said.replace("\n", " ")
        neighbour = f"{self.neighbour['status']}, attempt {self.neighbour['attempt']}"
        return f"{self.animal.name:<42} {self.animal.way:<8} {self.run['status']:<10} {said[:70]:<70} {neighbour}{mark}"


def let_in(site: Site, animals: Sequence[Animal]) -> list[tuple[Animal, int, int]]:
    """Each with a healthy one behind it."""
    healthy = cycle(NEIGHBOURS)
    return [
        (animal, site.value(ENQUEUE, animal.task, json.dumps(animal.payload or {}), animal.timeout, animal.attempts),
         site.value(ENQUEUE, next(healthy).name, "{}", 60, 1))
        for animal in animals
    ]  # fmt: skip


def seen(site: Site, let_in: Sequence[tuple[Animal, int, int]]) -> list[Sighting]:
    runs = {run["id"]: run for (run,) in site.rows("select to_jsonb(r) from hourhand.job_runs r")}
    return [Sighting(animal, runs[run], runs[neighbour]) for animal, run, neighbour in let_in]


def show(tell: Print, title: str, sightings: Sequence[Sighting]) -> None:
    tell("\n".join([title, *(sighting.row for sighting in sightings)]))


def is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_survives_the_zoo_and_nobody_else_is_harmed(site: Site, tell: Print) -> None:
    animals = let_in(site, ANIMALS)
    worker = site.worker(
        HOURHAND_TASKS="tests.chaos.zoo",
        HOURHAND_CONCURRENCY=12,
        JOB_WORKER_BATCH=12,
        HOURHAND_LEASE_SECONDS=5,
    )
    try:
        eventually(lambda: site.value(LEFT) == 0, 60, interval=0.5)
    finally:
        sightings = seen(site, animals)
        show(tell, "THE ZOO", sightings)

    assert len({animal.name for animal in ANIMALS}) >= 40
    assert [sighting.row for sighting in sightings if not sighting.as_told] == []
    for sighting in sightings:
        neighbour = sighting.neighbour
        assert (neighbour["status"], neighbour["attempt"]) == ("completed", 1), sighting.row
        assert neighbour["result"] == {**HEALTHY_RESULT, "cwd": site.directory.name}, sighting.row
    assert len(worker.events("session.opened")) == 1
    assert (
        site.value("select max(count) from (select count(*) from hourhand.job_run_logs group by run_id) l")
        <= 10_000
    )
    tracks = (site.directory / "tracks").read_text().split()
    assert len(tracks) == 32 + 2 + 1
    eventually(lambda: not [pid for pid in tracks if is_running(pid)])


def test_who_takes_the_worker_along_fails_and_costs_nobody_an_attempt(site: Site, tell: Print) -> None:
    animals = let_in(site, KILLERS)
    worker = site.worker(
        HOURHAND_TASKS="tests.chaos.zoo", HOURHAND_LEASE_SECONDS=1, HOURHAND_SHUTDOWN_SECONDS=1
    )
    try:
        eventually(lambda: alive(worker) and site.value(LEFT) == 0, 100, interval=0.2)
    finally:
        sightings = seen(site, animals)
        show(tell, "WHO TAKES THE WORKER ALONG", sightings)

    assert [sighting.row for sighting in sightings if not sighting.as_told] == []
    for sighting in sightings:
        neighbour = sighting.neighbour
        assert neighbour["status"] == "completed", sighting.row
        assert neighbour["attempt"] - neighbour["lost_count"] == 1, sighting.row


def alive(daemon: Daemon) -> bool:
    """As under a supervisor, which starts it again."""
    if daemon.process.poll() is not None:
        daemon.start()
    return True
