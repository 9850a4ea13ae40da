"""Two calls at once: what comes of them is what one after the other could have given.

Call A is held while B runs: before each of its statements, and where it has done everything but commit. Either B
does not need what A holds and goes on, or it waits; then A goes on, or is rolled back as when its server dies.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from hourhand.transport.postgres import PostgresTransport
from tests.sql.scenes import (
    Call,
    Make,
    Outcome,
    Scene,
    beat,
    cancel,
    cancel_of_step,
    change,
    claim,
    claim_by_ann,
    close_queue,
    complete,
    create,
    delete,
    end_of_step,
    enqueue,
    finish,
    fire,
    forwards_and_backwards,
    log,
    look_of_sequence,
    pause,
    progress,
    prune,
    release,
    rename,
    repeated_claim,
    replace,
    rescue,
    reset,
    retry,
    scene_at,
    told,
    trigger,
)
from tests.sql.steps import make_stepped, mutate
from tests.support import eventually
from tests.support.databases import Postgres

JOBS = [{"task": "task", "key": key} for key in ("b", "a")]
PAIRS: dict[str, tuple[str, Make, Make]] = {
    "two claims": ("pending", claim, claim),
    "claims of two workers": ("pending", claim_by_ann, claim),
    "claims of two workers, of one key": ("two of one key", claim_by_ann, claim),
    "claims of two workers, of a limited task": ("two of a limited task", claim_by_ann, claim),
    "a sequence that waits and the end of its step": ("a sequence", lambda scene: finish(scene, "snooze"), end_of_step),
    "a look of a sequence and the end of its step": ("a sequence", look_of_sequence, end_of_step),
    "a cancel of a sequence and the end of its step": ("a sequence", cancel, end_of_step),
    "a cancel of a sequence and one of its step": ("a sequence", cancel, cancel_of_step),
    "a firing that replaces and the end of the run before": ("fired, to be replaced", fire, finish),
    "a firing that replaces and a beat": ("fired, to be replaced", fire, beat),
    "a claim and its repetition": ("pending", repeated_claim, repeated_claim),
    "a claim and a cancel": ("pending", claim, cancel),
    "a claim and a replacement": ("pending", claim, replace),
    "a claim and a pause of its queue": ("pending", claim, close_queue),
    "a cancel and a replacement": ("pending", cancel, replace),
    "two cancels": ("pending", cancel, cancel),
    "two enqueues with one key": ("pending", enqueue, enqueue),
    "two replacements": ("pending", replace, replace),
    "a finish and its repetition": ("held", finish, finish),
    "a finish and a cancel": ("held", finish, cancel),
    "a retry and a cancel": ("held", lambda scene: finish(scene, "retry"), cancel),
    "a finish and a release": ("held", finish, release),
    "a finish and a beat": ("held", finish, beat),
    "a finish and progress": ("held", finish, progress),
    "a finish and a replacement": ("held", finish, replace),
    "a release and a beat": ("held", release, beat),
    "a release and a cancel": ("held", release, cancel),
    "a release and a claim": ("held", release, claim),
    "a snooze and a claim": ("held", lambda scene: finish(scene, "snooze"), claim),
    "a finish and a rescue": ("lost", finish, rescue),
    "a finish and a beat that rescues": ("lost", finish, lambda scene: beat(scene, "bob")),
    "a beat and a rescue": ("lost", beat, rescue),
    "a release and a rescue": ("lost", release, rescue),
    "a close and a rescue": ("lost", lambda scene: release(scene, close=True), rescue),
    "two rescues": ("lost", rescue, rescue),
    "a rescue and a claim": ("lost", rescue, claim),
    "a rescue and a cancel": ("lost", rescue, cancel),
    "a claim of the lost session and a rescue": ("lost", lambda scene: claim(scene, "ann"), rescue),
    "a rescue and progress": ("lost", rescue, progress),
    "two retries of one request": ("ended", retry, retry),
    "a retry and a prune": ("ended", retry, prune),
    "two firings of one instant": ("pending", fire, fire),
    "a firing and a delete of its schedule": ("pending", fire, delete),
    "a firing and a pause of its schedule": ("pending", fire, pause),
    "a firing and a change of its schedule": ("pending", fire, change),
    "a firing and a trigger of its schedule": ("pending", fire, trigger),
    "a delete of a schedule and another name for it": ("pending", delete, rename),
    "a pause of a schedule and another name for it": ("pending", pause, rename),
    "a firing and another name for its schedule": ("pending", fire, rename),
    "two calls that give a schedule one name": ("pending", rename, rename),
    "two calls that create one schedule": ("pending", create, create),
    "a firing and the end of the run before": ("fired", fire, finish),
    "a firing and a cancel of the run before": ("fired", fire, cancel),
    "a firing and a release of the run before": ("fired", fire, release),
    "a delete of a schedule and the end of its run": ("fired", delete, finish),
    "a claim and the end of a run with its key": ("two of one key, one held", claim, finish),
    "a claim and the release of a run with its key": ("two of one key, one held", claim, release),
    "an enqueue and the end of the run with its key": ("held", lambda scene: enqueue(scene, "first"), finish),
    "a prune and a claim": ("pending", prune, claim),
    "a prune and a finish": ("held", prune, finish),
    "a reset and a finish": ("held", reset, finish),
    "a reset and a beat": ("held", reset, beat),
    "a completion and a finish": ("held", complete, finish),
    "a completion and a cancel": ("held", complete, cancel),
    "a completion and a rescue": ("lost", complete, rescue),
    "a log line and a finish": ("held", log, finish),
    "a log line and a rescue": ("lost", log, rescue),
    "two enqueues of many, in two orders": ("pending", *forwards_and_backwards("enqueue_many", "jobs", JOBS)),
    "two cancels of many, in two orders": ("two of one key, one held", *forwards_and_backwards("cancel_runs", "ids", [1, 2])),
}  # fmt: skip

DIRECTIONS = (0, 1)
"""Which of a pair begins."""


@pytest.fixture(scope="module")
def plain(postgres: Postgres, migrated: str) -> Iterator[Scene]:
    with postgres.database(template=migrated) as url, scene_at(url) as scene:
        yield scene


@pytest.fixture(scope="module")
def stepping(postgres: Postgres, migrated: str) -> Iterator[Scene]:
    """Where functions can be stopped before each of their statements."""
    with postgres.database(template=migrated) as url, scene_at(url) as scene:
        make_stepped(scene.control)
        yield scene


def calls_of(scene: Scene, name: str) -> list[Call]:
    """Those of a pair, and the scene set for them."""
    state, *makes = PAIRS[name]
    scene.stage(state)
    return [make(scene) for make in makes]


def in_turn(scene: Scene, name: str, first: int, *, passing: bool) -> Outcome:
    """`passing`: the claim passes over what another holds, and leaves it to the next."""
    calls = calls_of(scene, name)
    for call in calls:
        if passing and call.function == "claim":
            call.params["tasks"] = []
    answers = ["", ""]
    for which in (first, 1 - first):
        answer = calls[which].on(scene.one)
        assert which != first or not isinstance(answer, str), f"it is refused: {answer}"
        answers[which] = told(answer, scene)
    return Outcome(answers, scene.state())


def serial(scene: Scene, name: str) -> list[Outcome]:
    """All that one after the other can give."""
    return [in_turn(scene, name, first, passing=passing) for first in DIRECTIONS for passing in (False, True)]


def held_before_commit(scene: Scene, name: str, first: int, *, rolled_back: bool) -> Outcome:
    calls = calls_of(scene, name)
    answers = ["", ""]
    scene.one.execute("begin")
    answers[first] = told(calls[first].on(scene.one), scene)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(calls[1 - first].on, scene.other)
        eventually(lambda: second.done() or scene.waits(scene.other), interval=0.003)
        scene.one.execute("rollback" if rolled_back else "commit")
        answers[1 - first] = told(second.result(10), scene)
    if rolled_back:
        answers[first] = told(calls[first].on(scene.one), scene)
    return Outcome(answers, scene.state())


@contextmanager
def stopping_before(scene: Scene, statement: int) -> Iterator[None]:
    """While inside, the first call comes to its statement of this number and no further."""
    scene.rows("select setval('steps.taken', 1, false), pg_advisory_lock(0, 0)")
    scene.one.execute(f"set steps.stop = {statement}".encode())
    try:
        yield
    finally:
        scene.rows("select pg_advisory_unlock(0, 0)")


def stopped(scene: Scene, name: str, first: int, statement: int) -> Outcome | None:
    """The second runs while the first is stopped there. None when the first has come to its end before."""
    calls = calls_of(scene, name)
    answers = ["", ""]
    with ThreadPoolExecutor(2) as pool:
        with stopping_before(scene, statement):
            held = pool.submit(calls[first].on, scene.one)
            eventually(lambda: held.done() or scene.waits(scene.one), interval=0.003)
            if held.done():
                return None
            second = pool.submit(calls[1 - first].on, scene.other)
            eventually(lambda: second.done() or scene.waits(scene.other), interval=0.003)
        answers[first] = told(held.result(10), scene)
        answers[1 - first] = told(second.result(10), scene)
    return Outcome(answers, scene.state())


@pytest.mark.parametrize("name", PAIRS)
def test_two_calls_at_once_come_to_what_one_after_the_other_could(plain: Scene, name: str) -> None:
    possible = serial(plain, name)
    for first in DIRECTIONS:
        for rolled_back in (False, True):
            found = held_before_commit(plain, name, first, rolled_back=rolled_back)
            assert found in possible, f"{first=} {rolled_back=}"


def stops(scene: Scene, name: str) -> Iterator[Outcome]:
    """What comes of it when the one is stopped before each of its statements, and then the other."""
    for first in DIRECTIONS:
        for statement in count(1):
            found = stopped(scene, name, first, statement)
            if found is None:
                break
            yield found


@pytest.mark.parametrize("name", PAIRS)
def test_they_do_so_too_when_one_is_stopped_before_any_of_its_statements(
    plain: Scene, stepping: Scene, name: str, record_property: Callable[[str, object], None]
) -> None:
    possible = serial(plain, name)
    outcomes = [*stops(stepping, name)]
    assert outcomes
    for number, found in enumerate(outcomes, 1):
        assert found in possible, f"stop {number}"
    record_property("stops", len(outcomes))


NO_UNIQUE_KEY = """
alter table hourhand.job_run_keys drop constraint job_run_keys_pkey;
create or replace function hourhand_parts.take_key(
  p_scope text, p_key text, p_run_id bigint, p_expires_at timestamptz, p_now timestamptz
)
returns bigint language plpgsql as $$
declare
  v_holder bigint;
begin
  select run_id into v_holder from hourhand.job_run_keys where scope = p_scope and key = p_key;
  if not found then
    insert into hourhand.job_run_keys (scope, key, run_id, expires_at) values (p_scope, p_key, p_run_id, p_expires_at);
  end if;
  return coalesce(v_holder, p_run_id);
end
$$
"""
MUTATIONS = {
    "the unique key of a run": ("two enqueues with one key", NO_UNIQUE_KEY, {}),
    "the key of the ledger, and the lock of a schedule": (
        "two firings of one instant",
        "alter table hourhand.schedule_firings drop constraint schedule_firings_pkey",
        {"fire": (r"order by s\.id\s+for no key update", "")},
    ),
    "the lock of a run": ("a finish and a release", "", {"lock_runs": (r"order by l\.id for update", "")}),
    "the order of locks": ("a close and a rescue", "", {"release": (
        r"(if p_close then.*?end if;)(.*?)(?=return)", r"\2\1"
    )}),
}  # fmt: skip
"""What goes, the pair of calls that misses it, and how: a script, and what becomes of a pattern in a function."""


@pytest.mark.parametrize("missing", MUTATIONS)
def test_without_it_they_would_not(postgres: Postgres, migrated: str, plain: Scene, missing: str) -> None:
    """That these tests can fail."""
    name, script, changes = MUTATIONS[missing]
    possible = serial(plain, name)
    with postgres.database(template=migrated) as url, scene_at(url) as scene:
        scene.rows(script)
        for function, (pattern, other) in changes.items():
            mutate(scene.control, function, pattern, other)
        make_stepped(scene.control)
        assert any(found not in possible for found in stops(scene, name))


def test_a_repeated_call_that_does_not_ask_to_replace_changes_nothing(
    transport: PostgresTransport, sql: Callable[..., list[Any]]
) -> None:
    """Also where it leaves out what to do on a conflict."""
    job = {"task": "task", "key": "one", "payload": {"n": 1}}
    (first,) = transport.call("enqueue_many", {"p_jobs": [job]})
    (again,) = transport.call("enqueue_many", {"p_jobs": [{**job, "payload": {"n": 2}, "priority": 9}]})
    assert again == {"id": first["id"], "outcome": "existing"}
    assert sql("select payload, priority from hourhand.job_runs") == [({"n": 1}, 0)]
