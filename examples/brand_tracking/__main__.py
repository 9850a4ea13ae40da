"""Run the brand tracking example once: python -m examples.brand_tracking

Uses the configured database, or an embedded one that is started for it; creates the tables and a schedule
for each brand, triggers all of them, lets a worker do the work, and prints how the brands do. Without a
configured language model the pages of the example answer. One brand has no active queries, to show how that
ends; the exit code is 0 unless something else fails.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress

from examples.brand_tracking import store
from examples.brand_tracking.payloads import Brand
from examples.brand_tracking.setup import set_up
from examples.brand_tracking.site import PAGES, Answers
from examples.brand_tracking.tasks import data_collection_and_scoring
from examples.common.database import connect, reachable_database
from examples.common.show import hourhand, in_words, print_failures, print_tally, work
from examples.common.site import serving
from hourhand import Client
from hourhand.errors import Conflict
from hourhand.records import RunRecord


def main() -> int:
    with reachable_database() as url, serving(PAGES, Answers) as site:
        os.environ.setdefault("BRAND_TRACKING_SITE", site)
        hourhand(url, "migrate")
        set_up(url)
        runs = _run(url)
        print_tally(runs)
        print("\nHistory with errors:")
        print_failures(runs)
        with connect(url) as db:
            _print_standings(store.standings(db))
    return 0 if all(run.status == "completed" or _is_without_queries(run) for run in runs) else 1


def _run(url: str) -> list[RunRecord]:
    with connect(url) as db:
        names = [brand.name for brand in store.brands(db)]
    with Client() as client:
        schedule_each(client, names)
        handles = [client.schedules.trigger(f"track {name}") for name in names]
        return work(url, client, handles[0].id, "--tasks", "examples.brand_tracking.tasks")


def schedule_each(client: Client, names: Iterable[str]) -> None:
    """A schedule for each brand that has none, as one makes them in the admin (Schedules, New)."""
    for name in names:
        with suppress(Conflict):
            client.schedules.create(
                f"track {name}",
                data_collection_and_scoring,
                payload=Brand(brand=name),
                cron="0 6 * * *",
                description=f"Data collection and scoring for {name}",
                tags=["brand"],
            )


def _is_without_queries(run: RunRecord) -> bool:
    return run.status == "failed" and "brand has no active queries" in str(run.error)


def _print_standings(standings: Iterable[store.Standing]) -> None:
    print(f"\n{'brand':<18}{'present':>10}{'position':>10}{'sentiment':>11}")
    for each in standings:
        position = "-" if each.position is None else f"{each.position:.1f}"
        sentiment = "-" if each.sentiment is None else f"{each.sentiment:+.2f}"
        print(f"{each.brand:<18}{f'{each.present} of {each.answers}':>10}{position:>10}{sentiment:>11}")


if __name__ == "__main__":
    sys.exit(in_words(main))
