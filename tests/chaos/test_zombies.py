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


def accepted_of(zombie: Hand, runs: list[Attempt]) -> Counter[str]:
    """Of each kind of write, one about each run."""
    call = zombie.transport.call
    named = [{"id": run["id"], "token": run["token"]} for run in runs]
    lines = [{"run_id": run["id"], "token": run["token"], "attempt": 1, "seq": 1, "at": run["created_at"],
              "level": "INFO", "message": "late"} for run in runs]  # fmt: skip
    held = [{**each, "started": True} for each in named]
    of_session = {"p_session": zombie.session}
    finished = []
    for number, outcome in enumerate(OUTCOMES):
        results = [{**each, "outcome": outcome} for each in named[number :: len(OUTCOMES)]]
        finished += call("finish", {**of_session, "p_results": results})["results"]
    released = call("release", {**of_session, "p_runs": held})["results"]
    accepted = Counter(
        finish=sum(each["outcome"] != "stale" for each in finished),
        release=sum(each["outcome"] != "stale" for each in released),
        logs=call("append_logs", {**of_session, "p_logs": lines})["stored"],
        beat=int(not zombie.beat(*runs)["lost"]),
    )
    for run in runs:
        of_run = {"p_run_id": run["id"], "p_token": run["token"]}
        accepted["progress"] += (
            call("set_progress", {**of_run, "p_progress": {"done": 1}})["outcome"] != "stale"
        )
        accepted["advance"] += call("advance_sequence", of_run)["outcome"] != "stale"
        accepted["complete_in"] += completes(zombie, of_run)
        accepted["child"] += call("enqueue", child_of(run))["outcome"] != "existing"
    return accepted


def completes(zombie: Hand, of_run: dict[str, Any]) -> bool:
    try:
        zombie.transport.call("complete_run", of_run)
    except Conflict:
        return False
    return True


def lose(site: Site, transport: PostgresTransport, heir: Hand, count: int) -> tuple[Hand, list[Attempt]]:
    """A session, and the attempts that it has lost to the heir; each of the new ones has enqueued its child."""
    for _ in range(count):
        site.enqueue("babble", {"gate": "never"})
    zombie = Hand(transport, ["babble"]).open()
    lost = zombie.runs(count)
    site.rows("update hourhand.services set lease_until = now() where id = %s", zombie.session)
    for run in inherit(heir, count):
        transport.call("enqueue", child_of(run))
    return zombie, lost


def test_no_write_of_a_lost_attempt_is_accepted(
    site: Site, transport: PostgresTransport, heir: Hand, tell: Print
) -> None:
    zombie, lost = lose(site, transport, heir, DIRECTED)
    before = stored(site)
    accepted = accepted_of(zombie, lost)
    tell(f"{DIRECTED} attempts of a lost session, {len(accepted)} writes each: {accepted.total()} accepted")
    assert not accepted.total()
    assert stored(site) == before


TOKEN = r"and (\w\.)?token = (\w\.|p_)token"
MUTATIONS = [
    ("end_runs", r"and \(p_tokens is null or l\.token = i\.token\)", "finish"),
    ("end_attempts", TOKEN, "finish"),
    ("set_progress", TOKEN, "progress"),
    ("append_logs", TOKEN, "logs"),
    ("release", TOKEN, "release"),
    ("complete_run", TOKEN, "complete_in"),
    ("advance_sequence", TOKEN, "advance"),
    ("beat", r"and state = 'open' and lease_until > v_now", "beat"),
]
"""A function, what has to go from it, and what would be accepted then."""


@pytest.mark.parametrize(("function", "check", "write"), MUTATIONS)
def test_without_the_check_of_the_token_it_would_be_seen(
    site: Site, transport: PostgresTransport, heir: Hand, function: str, check: str, write: str
) -> None:
    """That these tests can fail."""
    query = "select pg_get_functiondef(oid) from pg_proc where proname = %s"
    without, count = re.subn(check, "", site.value(query, function))
    assert count
    site.rows(without)
    zombie, lost = lose(site, transport, heir, 5)
    before = stored(site)
    assert accepted_of(zombie, lost)[write]
    assert write == "beat" or stored(site) != before
