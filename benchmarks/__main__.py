"""All benchmarks, one after the other, on an embedded Postgres that waits for its disk at each commit.

    python -m benchmarks [--quick]

Each prints its own table; ratios beside a raw loop in the same run count, single times do not.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.databases import DURABLE
from hourhand.embedded import Server

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller backlogs and shorter waits")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as directory, Server(Path(directory), options=DURABLE) as server:
        os.environ["DATABASE_URL"] = server.url
        return max(_run(name, arguments) for name, arguments in _plan(quick).items())


def _plan(quick: bool) -> dict[str, list[str]]:
    return {
        "timetable": [],
        "throughput": ["--runs", "20000" if quick else "60000"],
        "enqueue": ["--runs", "20000" if quick else "200000"],
        "pickup": ["--runs", "100" if quick else "500"],
        "lag": ["--seconds", "20", "--idle", "30"] if quick else ["--seconds", "60", "--idle", "120"],
        "footprint": ["--seconds", "20" if quick else "120"],
        "scale": ["--quick"] if quick else [],
        "admin": ["--runs", "100000", "--schedules", "1000", "--times", "10"] if quick else [],
        "claims": ["--claims", "50"] if quick else [],
    }


def _run(name: str, arguments: list[str]) -> int:
    print(f"\n== {name} ==", flush=True)
    return subprocess.run([sys.executable, str(HERE / f"{name}.py"), *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
