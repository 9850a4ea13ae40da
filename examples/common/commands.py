"""Running hourhand's commands as one would by hand, and what the examples print of their runs."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

from hourhand import Client
from hourhand.errors import HourhandError
from hourhand.records import RunRecord


def hourhand(url: str, *arguments: str) -> None:
    """Run one command. Exit code 1 is no error here: a failed run makes a worker that drains end with it."""
    environment = {**os.environ, "DATABASE_URL": url}
    ended = subprocess.run([sys.executable, "-m", "hourhand", *arguments], env=environment, check=False)
    if ended.returncode not in (0, 1):
        raise HourhandError(f"hourhand {arguments[0]} ended with exit code {ended.returncode}")


def explained(main: Callable[[], int]) -> int:
    """Call `main`; say on stderr what went wrong and what to try, instead of a traceback. The exit code."""
    try:
        return main()
    except HourhandError as error:
        print(f"Error: {error}", error.hint or "", sep="\n", file=sys.stderr)
        return error.exit_code


def family(client: Client, run_id: int) -> Iterator[RunRecord]:
    """The run, its children and theirs."""
    run = client.runs.get(run_id)
    yield run
    for child in (run.model_extra or {}).get("children", ()):
        yield from family(client, child)
