"""What the READMEs of stories and brand tracking tell people to type works."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from examples import brand_tracking, stories
from examples.brand_tracking.setup import set_up as set_up_brands
from examples.common.database import Connection
from examples.stories.setup import set_up
from hourhand.cli import main

STORIES, BRANDS = (
    (Path(str(package.__file__)).parent / "README.md").read_text("utf-8")
    for package in (stories, brand_tracking)
)
READS = re.compile(r"`(hourhand (?:run list|status|tasks)[^`]*)`")


def test_the_queries_run(url: str, db: Connection) -> None:
    set_up(url)
    set_up_brands(url)
    queries = re.findall(r"`(select [^`]*)`", STORIES)
    assert len(queries) == 3
    for query in (*queries, *re.findall("```sql\n(.*?)```", BRANDS, re.DOTALL)):
        db.execute(query.encode())
    rows = db.execute("select count(*) from brand_tracking.generated_queries where is_active")
    assert rows.fetchone() == (10,)


@pytest.mark.parametrize("command", sorted({*READS.findall(STORIES), *READS.findall(BRANDS)}))
def test_the_commands_are_there(command: str) -> None:
    done = CliRunner().invoke(main, [*shlex.split(command)[1:], "--help"])
    assert done.exit_code == 0, done.output


def test_every_task_is_told() -> None:
    from examples.stories.tests.own import TASKS

    assert set(re.findall(r"^\| `([a-z-]+)` \|", STORIES, re.MULTILINE)) == set(TASKS.names)
