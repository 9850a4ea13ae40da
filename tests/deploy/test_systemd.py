"""The units of deploy/systemd on a machine that systemd has booted, installed as deploy/README.md says."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.deploy.conftest import Sql, free_port
from tests.support import booted
from tests.support.programs import program
from tests.support.proxy import proxy

ROOT = Path(__file__).parents[2]
DEBIANS_PYTHON = Path("/usr/bin/python3")
DAEMONS = ["job-scheduler", "job-worker", "job-worker@2", "hourhand-admin"]

# What would take minutes as it is shipped.
SOONER = """
[Service]
RestartSec=1
"""
IMPATIENT = SOONER + "WatchdogSec=3\n"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[booted.Machine]:
    with booted.machine(tmp_path) as machine:
        yield machine


def outside(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr


def install(machine: booted.Machine, settings: str) -> None:
    """hourhand in /opt/hourhand, in an environment of the system's Python, and the units as they are."""
    uv = program("uv")
    machine.run(["/usr/sbin/useradd", "--system", "--home-dir", "/opt/hourhand", "hourhand"])
    home = machine.root / "opt/hourhand"
    home.mkdir(parents=True)
    # Made from outside, with this machine's access to packages; it may be moved.
    environment = str(home / ".venv")
    outside(uv, "venv", "--quiet", "--relocatable", "--python", str(DEBIANS_PYTHON), environment)
    outside(uv, "pip", "install", "--quiet", "--link-mode", "copy", "--python", environment, str(ROOT))
    (home / ".env").write_text(settings)
    machine.run(["/bin/chown", "-R", "hourhand", "/opt/hourhand"])
    units = machine.root / "etc/systemd/system"
    for unit in (ROOT / "deploy/systemd").iterdir():
        # The machine shares this one's network, where somebody may listen there.
        (units / unit.name).write_text(unit.read_text().replace("--port 8000", f"--port {free_port()}"))
    for unit in ("job-scheduler", "job-worker", "job-worker@", "hourhand-admin"):
        (units / f"{unit}.service.d").mkdir()
        (units / f"{unit}.service.d/test.conf").write_text(IMPATIENT if unit == "job-scheduler" else SOONER)


def test_the_units_live_as_they_should(
    machine: booted.Machine, project: Path, database_url: str, sql: Sql
) -> None:
    program(str(DEBIANS_PYTHON))
    with proxy(database_url) as network:
        address = f"postgresql://postgres@127.0.0.1:{urlsplit(network.url).port}{urlsplit(database_url).path}"
        settings = (project / ".env").read_text().splitlines()
        settings = [line for line in settings if not line.startswith("DATABASE_URL=")]
        install(machine, "\n".join([*settings, f"DATABASE_URL={address}?sslmode=disable", ""]))
        probe = machine.root / "opt/hourhand/probe.py"
        shutil.copy(Path(__file__).with_name("systemd_probe.py"), probe)

        seen = json.loads(machine.boot([str(DEBIANS_PYTHON), "/opt/hourhand/probe.py"], timeout=150))

    print(json.dumps(seen, indent=2))
    assert "error" not in seen, seen["error"]
    for daemon in DAEMONS:
        assert seen[f"{daemon} ready"]
        assert seen[f"{daemon} killed and restarted"]
        assert seen[f"{daemon} stopped"] == ["success", "0"]
        exposure = float(seen["exposure"][daemon].split(":")[1].split()[0])
        assert exposure <= 2.0
    assert seen["hung and restarted"]
    assert seen["the watchdog said so"]
    assert seen["journal has our lines"]
    assert seen["timer"] == ["active", "yes"]
    assert seen["tick"] == ["success", "0"]
    assert {"job-scheduler.log", "job-worker-1.log", "job-worker-2.log"} <= set(seen["logs"])
    assert sql("select count(*) > 3 from hourhand.job_runs where status = 'completed'") == [(True,)]
    assert sql("select count(*) from hourhand.job_runs where status = 'processing'") == [(0,)]
    twice = "select scheduled_for from hourhand.job_runs where schedule_id is not null group by 1 having count(*) > 1"
    assert sql(twice) == []
