"""Watch companies: python -m examples.company_watch [run|setup|seed|site|enqueue|process|status]

run       all of it once, on the site of the example: set-up, seed, enqueue, process, status (the default)
setup     create the tables and apply the schedules
seed      add the users, companies and preferences of the example (its site is at http://127.0.0.1:8765)
site      serve the job pages of the example there, until Ctrl-C
enqueue   make a run for each company that is due, now instead of at the full hour
process   work until nothing is left, or 10 minutes are over
status    the status report

Without DATABASE_URL it uses the embedded database of HOURHAND_DATA_DIR, and starts it if need be.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from examples.common.database import apply_migrations, connect, reachable_database
from examples.common.show import hourhand, in_words, print_failures, print_tally, work
from examples.common.site import serving
from examples.company_watch import store
from examples.company_watch.careers import PAGES, Careers
from examples.company_watch.seed import seed
from examples.company_watch.status import report
from examples.company_watch.tasks import QUEUES
from hourhand import Client

PORT = 8765
TASKS = "examples.company_watch.tasks"
WORKER = ("--tasks", TASKS, "--queues", ",".join(QUEUES))
TROUBLED = ("empty-hall", "shut-down", "closed-gate", "walled-garden")  # whose pages can't be had


def main(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else "run"
    if name == "site":  # needs no database, and so leaves the embedded one to `hourhand up`
        serve_site()
        return 0
    command = COMMANDS.get(name)
    if command is None:
        print(__doc__, file=sys.stderr)
        return 2
    os.environ.setdefault("HOURHAND_TASKS", TASKS)  # else its schedules are of tasks that nobody knows yet
    with reachable_database() as url:
        return command(url) or 0


def run(url: str) -> int:
    os.environ.setdefault("COMPANY_WATCH_DELAY", "0.1")
    set_up(url)
    with serving(PAGES, Careers, PORT) as site, Client() as client:
        newest = max((one.id for one in client.runs.list(limit=1)), default=0)
        with connect(url) as db:
            seed(db, client, site)
        enqueue(url)
        runs = work(url, client, newest + 1, *WORKER)
        unwell = [client.runs.get(one.id) for one in runs if one.status != "completed"]
    print_tally(runs)
    print_failures(unwell)
    status(url)
    return 0 if runs and all(one.payload.get("item") in TROUBLED for one in unwell) else 1


def set_up(url: str) -> None:
    hourhand(url, "migrate")
    with connect(url) as db:
        apply_migrations(db, store.MIGRATIONS)
    hourhand(url, "schedule", "apply", str(Path(__file__).parent / "schedules.yaml"))


def seed_preferences(url: str) -> None:
    with connect(url) as db, Client() as client:
        seed(db, client, f"http://127.0.0.1:{PORT}")
    print("Users, companies and preferences are there; every company is due.")


def serve_site() -> None:
    with serving(PAGES, Careers, PORT, only_there=True) as site, suppress(KeyboardInterrupt):
        print(f"The job pages of the example are at {site}; Ctrl-C ends it.", flush=True)
        threading.Event().wait()


def enqueue(url: str) -> None:
    with connect(url) as db:
        store.make_scan_due(db)
    hourhand(url, "scheduler", "--once", "--log-level", "WARNING")


def process(url: str) -> None:
    hourhand(url, "worker", "--drain", "--max-time", "10m", *WORKER, "--log-level", "ERROR")


def status(url: str) -> None:
    with connect(url) as db:
        print(*report(db), sep="\n")


COMMANDS: Mapping[str, Callable[[str], int | None]] = {
    "run": run,
    "setup": set_up,
    "seed": seed_preferences,
    "enqueue": enqueue,
    "process": process,
    "status": status,
}

if __name__ == "__main__":
    sys.exit(in_words(lambda: main(sys.argv[1:])))
