"""One client of the churn test: random calls against one database for a while, then its account as JSON.

`python -m tests.support.churn URL SEED SECONDS` is started several times at once. What it prints lets the test
judge the whole: which runs were acknowledged, which tokens it was given, which outcomes the database took.
"""

import json
import random
import sys
import time
import uuid
from collections import Counter
from typing import Any

import psycopg

SEQUENCE = "hourhand.sequence"
TASKS = ["swift", "heavy", "keyed", SEQUENCE]
KEYS = ["red", "green", "blue", None, None]


class Client:
    def __init__(self, url: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.connection = psycopg.connect(url, autocommit=True)
        self.session = ""
        self.held: dict[int, str] = {}
        self.sequences: set[int] = set()
        self.account: dict[str, Any] = {
            "created": [],
            "tokens": [],
            "ended": [],
            "fired": [],
            "backfilled": [],
            "errors": Counter(),
            "calls": Counter(),
        }
        self.open()

    def call(self, function: str, /, **params: Any) -> Any:
        casts = ", ".join(f"p_{name} => %({name})s" for name in params)
        values = {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in params.items()}
        self.account["calls"][function] += 1
        row = self.connection.execute(f"select hourhand.{function}({casts})".encode(), values).fetchone()
        assert row is not None
        return row[0]

    def open(self) -> None:
        self.session = str(uuid.uuid4())
        self.held.clear()
        tasks = [{"name": name, "concurrency": 3 if name == "heavy" else None} for name in TASKS]
        self.call("open_session", session=self.session, kind="worker", name="churn", lease=2.0, tasks=tasks)

    def enqueue(self) -> None:
        jobs: list[dict[str, Any]] = []
        for _ in range(self.random.randint(1, 8)):
            job: dict[str, Any] = {"task": self.random.choice(TASKS), "priority": self.random.randint(-3, 3)}
            if job["task"] in ("keyed", SEQUENCE):
                job["concurrency_key"] = self.random.choice(KEYS)
            if job["task"] == SEQUENCE:
                job["payload"] = {"steps": [{"task": "swift"}, {"task": "heavy"}, {"task": "swift"}]}
            if self.random.random() < 0.3:
                job["key"] = f"k{self.random.randint(0, 400)}"
            jobs.append(job)
        answers = self.call("enqueue_many", jobs=jobs)
        self.account["created"] += [a["id"] for a in answers if a["outcome"] == "created"]

    def insert(self) -> None:
        row = self.connection.execute(
            "insert into hourhand.job_runs (task) values (%s) returning id", [self.random.choice(TASKS[:3])]
        ).fetchone()
        assert row is not None
        self.account["created"].append(row[0])

    def claim(self) -> None:
        claim_id = str(uuid.uuid4())
        for _ in range(1 + (self.random.random() < 0.2)):  # sometimes as if the answer had been lost
            answer = self.call(
                "claim",
                session=self.session,
                claim_id=claim_id,
                max=self.random.randint(1, 20),
                tasks=TASKS,
                held=len(self.held),
            )
        if answer["lost"]:
            return self.open()
        for run in answer["runs"]:
            self.held[run["id"]] = run["token"]
            if run["task"] == SEQUENCE:
                self.sequences.add(run["id"])
            self.account["tokens"].append([run["id"], run["token"]])
        return None

    def finish(self) -> None:
        if not self.held:
            return
        chosen = self.random.sample(sorted(self.held), self.random.randint(1, len(self.held)))
        self.random.shuffle(chosen)
        results = []
        for run_id in chosen:
            outcome, delay = self.outcome(run_id)
            results.append(
                {
                    "id": run_id,
                    "token": self.held[run_id],
                    "outcome": outcome,
                    "delay": delay,
                    "error": {"class": "E", "message": "m"},
                }
            )
        for repeat in range(1 + (self.random.random() < 0.2)):
            answer = self.call("finish", session=self.session, results=results)
            for result, verdict in zip(results, answer["results"], strict=True):
                if verdict["outcome"] == "ok":
                    self.account["ended"].append([result["id"], result["token"], result["outcome"]])
                if repeat and verdict["outcome"] == "ok":
                    self.account["errors"]["a repeated finish was taken twice"] += 1
        for run_id in chosen:
            del self.held[run_id]

    def outcome(self, run_id: int) -> tuple[str, float]:
        """How an attempt ends, and when it goes on. A sequence that waits is woken, however long it would rest."""
        if run_id in self.sequences and self.random.random() < 0.9:
            for _ in range(1 + (self.random.random() < 0.2)):
                look = self.call("advance_sequence", run_id=run_id, token=self.held[run_id])
            return ("snooze", 600) if look["outcome"] == "waiting" else ("completed", 0)
        outcomes = ["completed", "failed", "retry", "snooze", "cancelled"]
        return self.random.choices(outcomes, [6, 1, 2, 1, 1])[0], 0

    def cancel(self) -> None:
        if self.account["created"]:
            self.call("cancel_run", run_id=self.random.choice(self.account["created"][-50:]))

    def retry(self) -> None:
        if not self.account["ended"]:
            return
        run_id = self.random.choice(self.account["ended"][-50:])[0]
        try:
            answer = self.call("retry_run", run_id=run_id, request_id=str(uuid.uuid4()))
        except psycopg.Error as error:
            if error.sqlstate not in ("PT409", "PT404"):
                raise
        else:
            self.account["created"].append(answer["id"])

    def beat(self) -> None:
        held = [{"id": run_id, "token": token} for run_id, token in self.held.items()]
        answer = self.call("beat", session=self.session, held=held, lease=2.0)
        if answer["lost"]:
            return self.open()
        for run_id in answer["stale"]:
            self.held.pop(run_id, None)
        return None

    def die(self) -> None:
        """As after kill -9: what was held is forgotten, and the lease ends at once."""
        self.connection.execute(
            "update hourhand.services set lease_until = beat_at where id = %s", [self.session]
        )
        self.open()

    def rescue(self) -> None:
        self.call("rescue")

    def release(self) -> None:
        runs = [{"id": run_id, "token": token, "started": True} for run_id, token in self.held.items()]
        self.call("release", session=self.session, runs=runs, close=True)
        self.open()

    def fire(self) -> None:
        answer = self.call("due_schedules", horizon=0.0, limit=5)
        firings = []
        for schedule in answer["schedules"]:
            at = schedule["next_run_at"]
            firings.append(
                {
                    "schedule_id": schedule["id"],
                    "revision": schedule["revision"],
                    "next_run_at": at,
                    "runs": [{"at": at}] if at else [],
                    "then": answer["now"],
                }
            )
        self.random.shuffle(firings)
        for result in self.call("fire", session=self.session, firings=firings)["results"]:
            for run in result["runs"]:
                if run["decision"] == "fired":
                    self.account["created"].append(run["id"])
                    if "item" not in run:
                        self.account["fired"].append([result["schedule_id"], run["at"]])

    def trigger(self) -> None:
        self.account["created"].append(self.call("trigger_schedule", schedule="often-1")["id"])

    def backfill(self) -> None:
        minutes = self.random.sample(range(500), 5)
        instants = [f"2026-01-01T{n // 60:02}:{n % 60:02}Z" for n in minutes]
        answer = self.call(
            "backfill",
            schedule=f"often-{self.random.randint(1, 6)}",
            instants=instants,
            request_id=str(uuid.uuid4()),
        )
        made = [run["id"] for run in answer["runs"] if run["outcome"] == "created"]
        self.account["created"] += made
        self.account["backfilled"] += made

    def items(self) -> None:
        names = [f"item-{self.random.randint(1, 40)}" for _ in range(self.random.randint(1, 8))]
        items = [
            {"item": name, "rank": self.random.randint(1, 100), "due_at": "2026-01-01"} for name in names
        ]
        self.call("set_items", schedule="fleet", items=items)

    def remove(self) -> None:
        try:
            self.call("remove_item", schedule="fleet", item=f"item-{self.random.randint(1, 40)}")
        except psycopg.Error as error:
            if error.sqlstate != "PT404":
                raise

    def edit(self) -> None:
        name = f"often-{self.random.randint(1, 6)}"
        self.connection.execute(
            "update hourhand.scheduled_jobs set every = every + interval '1 s' where name = %s", [name]
        )

    def prune(self) -> None:
        self.call("prune", retention_days=1)
        self.call("ensure_partitions")

    def watch(self) -> None:
        """In one snapshot, no key and no limited task may hold more than it is allowed."""
        rows = self.connection.execute(
            "select concurrency_key, count(*) from hourhand.job_runs where status = 'processing' and concurrency_key is not null"
            " group by 1 having count(*) > 1 union all"
            " select task, count(*) from hourhand.job_runs where status = 'processing' and task = 'heavy' group by 1 having count(*) > 3"
        ).fetchall()
        for key, count in rows:
            self.account["errors"][f"{key} held by {count}"] += 1
        rows = self.connection.execute(
            "select item_key, count(*) from hourhand.job_runs where item_key is not null"
            " and status in ('pending', 'processing') group by 1 having count(*) > 1 union all"
            " select item_key, run_id from hourhand.schedule_items i where run_id is not null and not exists"
            " (select from hourhand.job_runs r where r.id = i.run_id and r.status in ('pending', 'processing'))"
        ).fetchall()
        for item, count in rows:
            self.account["errors"][f"{item} has {count} for a live run"] += 1

    def run(self, seconds: float) -> None:
        steps = [
            self.enqueue,
            self.insert,
            self.claim,
            self.finish,
            self.cancel,
            self.retry,
            self.beat,
            self.die,
            self.rescue,
            self.release,
            self.fire,
            self.trigger,
            self.backfill,
            self.items,
            self.remove,
            self.edit,
            self.prune,
            self.watch,
        ]
        weights = [10, 3, 20, 25, 4, 4, 6, 0.5, 2, 1, 6, 1, 0.5, 2, 1, 1, 0.2, 5]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            step = self.random.choices(steps, weights)[0]
            try:
                step()
            except psycopg.Error as error:
                self.account["errors"][f"{step.__name__}: {error.sqlstate} {error}"] += 1


if __name__ == "__main__":
    client = Client(sys.argv[1], int(sys.argv[2]))
    client.run(float(sys.argv[3]))
    json.dump(client.account, sys.stdout)
