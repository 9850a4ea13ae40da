"""The five examples share a database, a scheduler and a worker: no two call anything by one name."""

import re
from collections import Counter
from pathlib import Path

import yaml

from examples.common.database import Connection, apply_migrations
from examples.conftest import Python

EXAMPLES = Path(__file__).parents[2]
NAMES = ("news", "file_insights", "company_watch", "stories", "brand_tracking")
TASKS = [f"examples.{name}.tasks" for name in NAMES]


def test_one_worker_knows_the_tasks_of_all_five(url: str, db: Connection, python: Python) -> None:
    queues = "default,scrape,match,results"
    done = python("hourhand", "worker", "--drain", HOURHAND_TASKS=",".join(TASKS), HOURHAND_QUEUES=queues)
    assert done.returncode == 0, done.stderr
    known = {name for (name,) in db.execute("select name from hourhand.tasks where name !~ '^hourhand'")}
    written = [task for name in NAMES for task in _tasks_of(EXAMPLES / name)]
    assert Counter(written) == Counter(known)
    assert len(known) == 6 + 2 + 4 + 17 + 3


def test_no_two_schedules_have_one_name_and_each_names_a_task() -> None:
    files = EXAMPLES.glob("*/schedules.yaml")
    schedules = [each for file in files for each in yaml.safe_load(file.read_text("utf-8"))["schedules"]]
    assert [name for name, count in Counter(each["name"] for each in schedules).items() if count > 1] == []
    assert {each["task"] for each in schedules} <= {
        "hourhand.sequence",
        *(task for name in NAMES for task in _tasks_of(EXAMPLES / name)),
    }


def test_each_has_a_schema_of_its_own(url: str, db: Connection) -> None:
    for name in NAMES:
        apply_migrations(db, EXAMPLES / name / "sql")
    rows = db.execute(
        """
        select table_schema, count(*) from information_schema.tables
        where table_schema !~ '^(hourhand|pg_|information_schema)' group by table_schema
        """
    )
    assert {schema for schema, _ in rows} == set(NAMES)


def _tasks_of(example: Path) -> list[str]:
    files = [*example.glob("*tasks.py"), *example.glob("tasks/*.py")]
    return [name for file in files for name in re.findall(r'^@task\(\s*"([\w-]+)"', file.read_text(), re.M)]
