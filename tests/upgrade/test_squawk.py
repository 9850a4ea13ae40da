"""squawk, a linter for migrations: nothing in ours locks a table for long, or breaks the programs of before."""

import subprocess
import sys
from pathlib import Path

import hourhand.sql
from hourhand.sql.script import read, script

HERE = Path(hourhand.sql.__file__).parent
SQUAWK = Path(sys.executable).with_name("squawk")

EXCEPT = {
    # The script around all of them sets the one, and the other belongs to whoever runs it.
    "require-lock-timeout",
    "require-statement-timeout",
    # The script is one transaction, and the table of live runs is small.
    "require-concurrent-index-deletion",
    # No release is out yet, so no history is long when these are made.
    "require-concurrent-index-creation",
    # Priorities, attempts, process ids: small numbers. Ids are bigint.
    "prefer-bigint-over-int",
    # scheduled_jobs.run_at is a local time on purpose: its zone is another column.
    "prefer-timestamp-tz",
}


def squawk(*files: Path) -> str:
    done = subprocess.run(
        [SQUAWK, "--pg-version=15.0", "--assume-in-transaction", f"--exclude={','.join(sorted(EXCEPT))}", *files],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_migrations_and_functions_are_clean(tmp_path: Path) -> None:
    files = [*(HERE / "functions").glob("*.sql"), *HERE.glob("*.sql")]
    for migration in (HERE / "migrations").glob("*.sql"):
        # Its parser takes a column named exclude for a constraint.
        text = migration.read_text("utf-8").replace("\n  exclude jsonb", '\n  "exclude" jsonb')
        files.append(tmp_path / migration.name)
        files[-1].write_text(text, "utf-8")
    assert len(files) > 100
    assert squawk(*files) == ""


def test_the_exported_script_is_clean(tmp_path: Path) -> None:
    exported = tmp_path / "20260101000000_hourhand.sql"
    exported.write_text(script(read()), "utf-8")
    assert squawk(exported) == ""


def test_it_would_find_something(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.sql"
    wrong.write_text("alter table hourhand.tasks alter column queue type varchar(20);")
    assert "changing-column-type" in squawk(wrong)
