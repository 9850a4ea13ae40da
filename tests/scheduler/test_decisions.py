"""Every decision that the ledger knows, made for real, and told by `hourhand schedule why`."""

import re

from hourhand import Client
from hourhand.testing import DatabaseClock
from tests.scheduler.conftest import Sql
from tests.scheduler.decisions import SCHEDULES, happen, sentences

NOBODY = "No scheduler was alive from 2026-03-10 09:40:00 UTC to 2026-03-10 11:20:00 UTC."
OUTAGE = "from 2026-03-10 10:00:00 UTC to 2026-03-10 11:00:00 UTC"
TOLD = {
    "fired": "2026-03-10 09:00:00 UTC: it fired on time as run 1, which completed after 0s.",
    "skipped_overlap": "2026-03-10 09:30:00 UTC: it was skipped, because run 2 of this schedule was still pending"
    " (overlap skip), which has been waiting since 2026-03-10 09:00:00 UTC.",
    "excluded": "2026-03-10 09:00:00 UTC: it did not run: excluded by tue."
    " The same goes for all 3 from 2026-03-10 09:00:00 UTC to 2026-03-10 11:00:00 UTC.",
    "paused": "2026-03-10 09:20:00 UTC: it did not run: the schedule was paused until 2026-03-10 09:30:00 UTC,"
    " by postgres (hourhand-client) on 2026-03-10 08:30:00 UTC: the feeds are being moved."
    " The same goes for all 5 from 2026-03-10 08:40:00 UTC to 2026-03-10 09:20:00 UTC.",
    "missed": "2026-03-10 10:00:00 UTC: it was missed: not fired on time (catch_up skip)."
    f" {NOBODY} The same goes for both {OUTAGE}.",
    "coalesced": "2026-03-10 10:00:00 UTC: it was made up for by run 10, that of 2026-03-10 11:00:00 UTC"
    f" (catch_up last). {NOBODY}",
    "expired": "2026-03-10 11:00:00 UTC: it was given up: more than 10m late (start_deadline)."
    f" {NOBODY} The same goes for both {OUTAGE}.",
    "backfilled": "2026-03-10 10:00:00 UTC: it was backfilled on 2026-03-10 11:20:00 UTC as run 11, which completed"
    " after 0s. Before, it was missed: not fired on time (catch_up skip).",
}


def test_every_decision_is_told_in_a_sentence(database_url: str, sql: Sql) -> None:
    with Client(database_url) as client, DatabaseClock(database_url) as clock:
        happen(client, clock)
        assert dict(sentences(database_url)) == TOLD
    decided = sql(
        "select distinct s.name, f.decision from hourhand.schedule_firings f"
        " join hourhand.scheduled_jobs s on s.id = f.schedule_id where s.name = f.decision"
    )
    assert {name for name, _ in decided} == SCHEDULES.keys(), "each came about"
    ((known,),) = sql(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'schedule_firings_decision_check'"
    )
    assert set(re.findall(r"'(\w+)'", known)) == SCHEDULES.keys(), "and there are no others"
