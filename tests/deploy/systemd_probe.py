"""Runs on the booted machine: puts the services through their lives and prints what happened as JSON.

Needs nothing but the standard library and systemctl.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

DAEMONS = ["job-scheduler", "job-worker", "job-worker@2", "hourhand-admin"]
seen: dict[str, Any] = {}


def systemctl(*arguments: str) -> str:
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, timeout=90, check=False)
    return done.stdout.strip() or done.stderr.strip()


def show(unit: str, name: str) -> str:
    return systemctl("show", unit, "--property", name, "--value")


def pid(unit: str) -> int:
    return int(show(unit, "MainPID") or 0)


def until(condition: Callable[[], object], seconds: float = 40) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def active(unit: str) -> bool:
    return systemctl("is-active", unit) == "active"


def restarted(unit: str, before: int) -> bool:
    return until(lambda: pid(unit) not in (0, before) and active(unit))


def journal(unit: str) -> str:
    command = ["journalctl", "--unit", unit, "--no-pager", "--output", "cat"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


def resident_mb(unit: str) -> float:
    with open(f"/proc/{pid(unit)}/status", encoding="utf-8") as file:
        found = re.search(r"VmRSS:\s+(\d+) kB", file.read())
    return round(int(found[1]) / 1024, 1) if found else 0.0


def milliseconds_to_ready(unit: str) -> float:
    started = int(show(unit, "ExecMainStartTimestampMonotonic"))
    return (int(show(unit, "ActiveEnterTimestampMonotonic")) - started) / 1000


def main() -> None:
    for daemon in DAEMONS:
        systemctl("start", daemon)  # returns when it is ready
        seen[f"{daemon} ready"] = active(daemon)
        seen[f"{daemon} ms to ready"] = round(milliseconds_to_ready(daemon))
    seen["target"] = systemctl("start", "hourhand.target")
    seen["rss"] = {daemon: resident_mb(daemon) for daemon in DAEMONS}
    seen["exposure"] = {
        daemon: subprocess.run(
            ["systemd-analyze", "security", "--no-pager", f"{daemon}.service"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stdout.splitlines()[-1]
        for daemon in DAEMONS
    }

    for daemon in DAEMONS:
        before = pid(daemon)
        os.kill(before, signal.SIGKILL)
        seen[f"{daemon} killed and restarted"] = restarted(daemon, before)

    hung = pid("job-scheduler")
    os.kill(hung, signal.SIGSTOP)
    seen["hung and restarted"] = restarted("job-scheduler", hung)
    seen["the watchdog said so"] = "Watchdog timeout" in journal("job-scheduler")
    seen["journal has our lines"] = "hourhand scheduler started" in journal("job-scheduler")

    systemctl("stop", "hourhand.target")  # takes its parts along
    for daemon in DAEMONS:
        until(lambda daemon=daemon: not active(daemon))
        seen[f"{daemon} stopped"] = [show(daemon, "Result"), show(daemon, "ExecMainStatus")]

    systemctl("start", "hourhand-tick.timer")
    seen["timer"] = [systemctl("is-active", "hourhand-tick.timer"), show("hourhand-tick.timer", "Persistent")]
    systemctl("start", "hourhand-tick.service")
    seen["tick"] = [show("hourhand-tick", "Result"), show("hourhand-tick", "ExecMainStatus")]
    seen["tick said"] = journal("hourhand-tick")
    seen["logs"] = sorted(name for name in os.listdir("/var/log/hourhand") if name.endswith(".log"))


try:
    main()
except BaseException:  # noqa: BLE001  (whatever went wrong is what is told)
    seen["error"] = traceback.format_exc()
    seen["journals"] = {daemon: journal(daemon) for daemon in DAEMONS if not active(daemon)}
json.dump(seen, sys.stdout, indent=2)
