"""The files of deploy/, filled in for this machine.

They are written for one example machine: the project in /opt/hourhand, the user hourhand, logs in
/var/log/hourhand. Here these are replaced by what is true; nothing else is.
"""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from hourhand.errors import HourhandError

KINDS: Mapping[str, tuple[str, ...]] = {
    "supervisord": ("supervisord/supervisord.conf",),
    "pm2": ("pm2/ecosystem.config.js",),
    "systemd": (
        "systemd/hourhand.target",
        "systemd/job-scheduler.service",
        "systemd/job-worker.service",
        "systemd/job-worker@.service",
        "systemd/hourhand-admin.service",
        "systemd/hourhand-tick.service",
        "systemd/hourhand-tick.timer",
    ),
    "docker": ("docker/Dockerfile", "docker/Dockerfile.dockerignore", "docker/compose.yaml"),
    "kubernetes": ("kubernetes/hourhand.yaml",),
    "procfile": ("Procfile",),
    "windows": ("windows/hourhand-tick.xml",),
    "launchd": ("launchd/hourhand.tick.plist",),
    "cron": ("cron/crontab",),
    "monitoring": ("prometheus/alerts.yaml", "grafana/hourhand.json"),
}
"""What `hourhand deploy` knows, and its files below deploy/."""

_PROGRAM, _PROJECT, _LOGS = "/opt/hourhand/.venv/bin/hourhand", "/opt/hourhand", "/var/log/hourhand"
_WINDOWS_PROGRAM, _WINDOWS_PROJECT = r"C:\hourhand\.venv\Scripts\hourhand.exe", r"C:\hourhand"
_HOMES = ("/home", "/root", "/run/user")
_AWKWARD = frozenset(" \t\n\"'\\%$;&|<>`()#*?")


@dataclass(frozen=True)
class Machine:
    """Where hourhand is on this one."""

    project: Path
    """The directory with the project's `.env`."""
    program: Path
    """The installed command `hourhand`."""
    logs: Path
    user: str


def this_machine(project: Path, *, logs: Path | None, user: str | None) -> Machine:
    name = "hourhand.exe" if sys.platform == "win32" else "hourhand"
    project = project.absolute()
    return Machine(
        project=project,
        program=Path(sys.executable).absolute().parent / name,
        logs=(logs or project / "logs").absolute(),
        user=user or getpass.getuser(),
    )


def files(kind: str, machine: Machine) -> dict[str, str]:
    """File name → content. Raises HourhandError for a path that the supervisor would misread."""
    texts = {Path(name).name: (_root() / name).read_text("utf-8") for name in KINDS[kind]}
    return {name: _filled(kind, text, machine) for name, text in texts.items()}


def _filled(kind: str, text: str, machine: Machine) -> str:
    match kind:
        case "windows":
            text = text.replace(_WINDOWS_PROGRAM, escape(str(machine.program)))
            return text.replace(_WINDOWS_PROJECT, escape(str(machine.project)))
        case "launchd":
            return _placed(text, machine, escape)
        case "systemd":
            # Its LogsDirectory= is always below /var/log.
            text = _placed(text, machine, _plain, logs=_LOGS)
            text = text.replace("User=hourhand", f"User={machine.user}")
            return _with_homes(text) if _needs_homes(machine) else text
        case "supervisord":
            return _as_user(_placed(text, machine, _plain), machine)
        case "pm2":
            text = text.replace("path.join(home, '.venv', 'bin', 'hourhand')", f"'{_plain(machine.program)}'")
            return _placed(text, machine, _plain)
        case "cron":
            return _placed(text, machine, _plain).replace(" .venv/bin/hourhand ", f" {machine.program} ")
        case _:
            return text


def _placed(text: str, machine: Machine, written: Callable[[str], str], *, logs: str | None = None) -> str:
    text = text.replace(_PROGRAM, written(str(machine.program)))
    # Not the beginning of a longer name.
    text = re.sub(rf"{_PROJECT}(?![\w-])", lambda _: written(str(machine.project)), text)
    return text.replace(_LOGS, logs or written(str(machine.logs)))


def _plain(path: str | Path) -> str:
    if awkward := sorted(set(str(path)) & _AWKWARD):
        raise HourhandError(
            f"the path {path} has {', '.join(map(repr, awkward))} in it, which supervisors misread",
            "Move the project, or make a link without such signs and use that.",
        )
    return str(path)


def _as_user(text: str, machine: Machine) -> str:
    """supervisord may change to another user, and write to /run, only where root starts it."""
    if machine.user == "root" or machine.user != getpass.getuser():
        return text.replace("user=hourhand", f"user={machine.user}")
    return text.replace("user=hourhand\n", "").replace("/run/", f"{_plain(machine.logs)}/")


def _needs_homes(machine: Machine) -> bool:
    """Whether the project, its environment or its Python are where units usually see nothing."""
    places = (machine.project, machine.program, Path(sys.base_prefix))
    return any(str(place.resolve()).startswith(tuple(f"{home}/" for home in _HOMES)) for place in places)


def _with_homes(text: str) -> str:
    return text.replace(
        "ProtectHome=yes", "# The project or its Python is in a home directory.\nProtectHome=read-only"
    )


def _root() -> Path:
    """deploy/ in the installed package, or of the checkout."""
    packaged = Path(__file__).with_name("deploy")
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "deploy"
