"""What the README tells people to type works."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from examples.common.database import Connection
from examples.file_insights import jobs
from hourhand.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
READS = re.compile(r"`(hourhand (?:run (?:list|stats)|status|queue) [^`]*|hourhand status)`")


@pytest.mark.usefixtures("tables")
def test_the_queries_and_commands_run(url: str, db: Connection) -> None:
    jobs.add(db, "/nowhere/sales.csv", "")
    db.execute("set search_path = file_insights")
    queries = re.findall(r"`((?:select|update) [^`]*)`", README)
    assert len(queries) == 8
    for query in queries:
        db.execute(query.encode())
    commands = READS.findall(README)
    assert len(commands) >= 10
    for command in commands:
        done = CliRunner().invoke(main, shlex.split(command)[1:])
        assert done.exit_code in (0, 1), command + done.output  # status says 1 while no service runs
        assert done.exception is None or isinstance(done.exception, SystemExit), command
