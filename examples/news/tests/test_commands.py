import os
import subprocess
import sys
from pathlib import Path

import yaml

from examples.common.database import Connection
from examples.news import tasks
from examples.news.tests.conftest import CHECKOUT
from hourhand import registry


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env={**{k: v for k, v in os.environ.items() if k != "DATABASE_URL"}, **environment},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_setup_adds_sources_with_absolute_places(url: str, db: Connection, own_feeds: Path) -> None:
    done = python(
        "examples.news.setup", "Own=examples/news/feeds", "Web=https://a.example/?a=b", DATABASE_URL=url
    )
    assert (done.returncode, done.stdout) == (0, "The tables are there; 2 sources added.\n")
    places = db.execute("select name, url from news.sources order by id").fetchall()
    assert places == [("Own", str(own_feeds)), ("Web", "https://a.example/?a=b")]


def test_setup_explains_itself(url: str) -> None:
    done = python("examples.news.setup", "https://a.example/feed", DATABASE_URL=url)
    assert done.returncode == 2
    assert "A source is an http(s) address" in done.stderr


def test_production_has_to_name_its_database(tmp_path: Path) -> None:
    done = python("examples.news.setup", HOURHAND_ENV="production", HOURHAND_DATA_DIR=str(tmp_path))
    assert done.returncode == 78
    assert "no database is configured" in done.stderr


def test_the_schedules_name_tasks_and_payloads_that_exist() -> None:
    assert tasks
    text = (CHECKOUT / "examples" / "news" / "schedules.yaml").read_text("utf-8")
    for schedule in yaml.safe_load(text)["schedules"]:
        assert schedule["task"] == "hourhand.sequence"
        for step in schedule["payload"]["steps"]:
            registry.current().get(step["task"]).encode(step.get("payload", {}))
