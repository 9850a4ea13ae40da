"""Workers that sleep longer than their lease, and wake while somebody else is at work on what they held."""

import re
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from hourhand.errors import Conflict
from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand
from tests.support import eventually
from tests.support.chaos import Daemon, Print, Site

PROCESSES, EACH = 4, 50
ENDS = ["return", "raise", "retry", "snooze", "cancel", "commit"]
DIRECTED = 200
OUTCOMES = ["completed", "failed", "cancelled", "retry", "snooze"]

Attempt = dict[str, Any]


@pytest.fixture
def transport(site: Site) -> Iterator[PostgresTransport]:
    transport = PostgresTransport(site.url, application_name="heir", patience=5.0)
    yield transport
    transport.close()


@pytest.fixture
def heir(transport: PostgresTransport) -> Hand:
    return Hand(transport, ["babble"], lease=600.0).open()


def inherit(heir: Hand, runs: int) -> list[Attempt]:
    """Take all the runs over. Each is claimed alone, as its worker was lost."""
    heir.transport.call("rescue")
    taken = [run for _ in range(runs) for run in heir.runs()]
    assert len(taken) == runs
    assert all(run["attempt"] == 2 for run in taken)
    return taken


def stored(site: Site) -> list[Any]:
    """What stands about each run, and what anybody has written about it."""
    return site.rows(
        "select r.id, r.status, r.attempt, r.token::text, r.session_id::text, r.progress, r.result, r.run_at,"
        " (select count(*) from hourhand.job_run_logs l where l.run_id = r.id),"
        " (select array_agg(a.outcome) from hourhand.job_run_attempts a where a.run_id = r.id)"
        " from hourhand.job_runs r order by r.id"
    )


def frozen(site: Site) -> list[Daemon]:
    """Workers that hold all runs, stopped for longer than their lease."""
    options = {"JOB_WORKER_BATCH": EACH, "HOURHAND_CONCURRENCY": EACH, "HOURHAND_PREFETCH": "off"}
    daemons = [site.worker(**options) for _ in range(PROCESSES)]
    started = "select count(*) from hourhand.job_runs where status = 'processing'"
    eventually(lambda: site.value(started) == PROCESSES * EACH, 40, interval=0.1)
    for daemon in daemons:
        daemon.send(signal.SIGSTOP)
    alive = "select count(*) from hourhand.services where id = any(%s::uuid[]) and lease_until > now()"
    sessions = [daemon.session for daemon in daemons]
    eventually(lambda: site.value(alive, sessions) == 0, 20, interval=0.1)
    return daemons


@pytest.mark.slow
def test_processes_that_slept_through_their_lease_change_nothing_of_the_new_attempts(
    site: Site, heir: Hand, tell: Print
) -> None:
    """Processes that were stopped by SIGSTOP, and wake with all that they held as good as done."""
    for number in range(PROCESSES * EACH):
        site.enqueue("babble", {"gate": "wake", "end": ENDS[number % len(ENDS)]})
    zombies = frozen(site)
    taken = inherit(heir, PROCESSES * EACH)
    before = stored(site)
    site.gate("wake").touch()
    with psycopg.connect(site.url) as holder:
        # Beats and claims would tell the workers first. They wait for this table, which a finish does not need.
        holder.execute("lock table hourhand.services in access exclusive mode")
        for zombie in zombies:
            zombie.send(signal.SIGCONT)
        refused = eventually(lambda: all_refused(site), 30, interval=0.1)
        assert not site.events("session.lost"), "they heard of it before they wrote"
        assert stored(site) == before
    eventually(lambda: len(site.events("session.lost")) == PROCESSES, 20, interval=0.1)
    assert stored(site) == before
    assert site.value("select count(*) from effects") == 0
    assert set(heir.finish(*taken)) == {"ok"}
    said = Counter(event["outcome"] for event in refused)
    tell(f"{PROCESSES} stopped processes with {EACH} runs each: {dict(said)} refused, 0 accepted")


def all_refused(site: Site) -> list[Any]:
    refused = site.events("run.refused")
    assert len(refused) == len({event["run_id"] for event in refused}) == PROCESSES * EACH
    assert not site.events("run.finished")
    return refused


# --- Without processes: every write there is, many times ---


def child_of(run: Attempt) -> dict[str, Any]:
    return {"p_task": "child", "p_parent_id": run["id"], "p_key": f"child of {run['id']}"}


def writes(zombie: Hand, run: Attempt, outcome: str) -> dict[str, bool]:
    """Whether each was accepted."""
    call = zombie.transport.call
    named = {"id": run["id"], "token": run["token"]}
    run_of = {"p_run_id": run["id"], "p_token": run["token"]}
    line = {"run_id": run["id"], "token": run["token"], "attempt": 1, "seq": 1, "at": run["created_at"],
            "level": "INFO", "message": "late"}  # fmt: skip
    held = {"p_session": zombie.session, "p_runs": [{**named, "started": True}]}
    return {
        "finish": zombie.finish(run, outcome=outcome) != ["stale"],
        "progress": call("set_progress", {**run_of, "p_progress": {"done": 1}})["outcome"] == "ok",
        "logs": call("append_logs", {"p_session": zombie.session, "p_logs": [line]})["stored"] > 0,
        "beat": not zombie.beat(run)["lost"],
        "release": call("release", held)["results"][0]["outcome"] == "ok",
        "complete_in": completes(zombie, run_of),
        "advance": call("advance_sequence", run_of)["outcome"] != "stale",
        "child": call("enqueue", child_of(run))["outcome"] != "existing",
    }


def completes(zombie: Hand, run_of: dict[str, Any]) -> bool:
    try:
        zombie.transport.call("complete_run", run_of)
    except Conflict:
        return False
    return True


def accepted_of(site: Site, transport: PostgresTransport, heir: Hand, runs: int) -> tuple[Counter[str], bool]:
    """How many writes of each kind were accepted, and whether the runs are as the heir holds them."""
    for _ in range(runs):
        site.enqueue("babble", {"gate": "never"})
    zombie = Hand(transport, ["babble"]).open()
    lost = zombie.runs(runs)
    site.rows("update hourhand.services set lease_until = now() where id = %s", zombie.session)
    for run in inherit(heir, runs):
        transport.call("enqueue", child_of(run))
    before = stored(site)
    accepted: Counter[str] = Counter()
    for number, run in enumerate(lost):
        accepted.update(what for what, was in writes(zombie, run, OUTCOMES[number % 5]).items() if was)
    return accepted, stored(site) == before


def test_no_write_of_a_lost_attempt_is_accepted(
    site: Site, transport: PostgresTransport, heir: Hand, tell: Print
) -> None:
    accepted, untouched = accepted_of(site, transport, heir, DIRECTED)
    tell(f"{DIRECTED} attempts of a lost session, {8 * DIRECTED} writes: {accepted.total()} accepted")
    assert not accepted
    assert untouched


TOKEN = r"and (\w\.)?token = (\w\.|p_)token"
MUTATIONS = {
    "finish": ("finish", TOKEN),
    "progress": ("set_progress", TOKEN),
    "logs": ("append_logs", TOKEN),
    "release": ("release", TOKEN),
    "complete_in": ("complete_run", TOKEN),
    "advance": ("advance_sequence", TOKEN),
    "beat": ("beat", r"and state = 'open' and lease_until > v_now"),
}
"""By the write that would be accepted: the function, and what has to go from it."""


@pytest.mark.parametrize("write", MUTATIONS)
def test_without_the_check_of_the_token_it_would_be_seen(
    site: Site, transport: PostgresTransport, heir: Hand, write: str
) -> None:
    """That these tests can fail."""
    function, check = MUTATIONS[write]
    query = "select pg_get_functiondef(oid) from pg_proc where proname = %s and pronamespace = 'hourhand'::regnamespace"
    without, count = re.subn(check, "", site.value(query, function))
    assert count
    site.rows(without)
    accepted, untouched = accepted_of(site, transport, heir, 5)
    assert accepted[write]
    assert write == "beat" or not untouched
