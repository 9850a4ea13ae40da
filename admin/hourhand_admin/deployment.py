"""The files of deploy/, filled in for this machine.

They are written for one example machine: the project in /opt/hourhand, the user hourhand, logs in
/var/log/hourhand. Here these are replaced by what is true; nothing else is.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from pydantic_settings import DotEnvSettingsSource

from hourhand.errors import HourhandError
from hourhand.settings import Settings

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
_AWKWARD = frozenset("\t\n\r\"'\\%$;&|<>`()#*?")
_DAEMONS, _LOGGED = ("supervisord", "pm2", "systemd"), ("supervisord", "launchd", "cron")
_DATABASES = ("SUPABASE_URL", "DATABASE_URL", "POSTGRES_URL", "DATABASE_PRIMARY_URL")


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
        logs=project / (logs or "logs"),
        user=user or _whose(project),
    )


def files(kind: str, machine: Machine) -> dict[str, str]:
    """File name → content. Raises HourhandError for a path that the supervisor would misread."""
    texts = {Path(name).name: (_root() / name).read_text("utf-8") for name in KINDS[kind]}
    return {name: _filled(kind, text, machine) for name, text in texts.items()}


def hints(kind: str, machine: Machine) -> Iterator[str]:
    """What is still to be done for the files of this kind to work."""
    if kind in _LOGGED and not machine.logs.is_dir():
        yield f"{machine.logs}, for the logs, is missing: make it a directory of {machine.user}."
    if kind not in _DAEMONS:
        return
    environment = machine.project / ".env"
    given = DotEnvSettingsSource(Settings, environment).env_vars
    named = {name for name, value in given.items() if value}
    if not named.intersection(_DATABASES):
        yield f"{environment} has to name the database: DATABASE_URL, or SUPABASE_URL and its key."
    if "HOURHAND_TASKS" not in named:
        yield f"{environment} has to name the modules of the worker's tasks: HOURHAND_TASKS."
    if environment.is_file() and sys.platform != "win32" and environment.stat().st_mode & 0o004:
        yield f"Everybody on this machine can read {environment} and its secrets: chmod o= {environment}"


def make_logs(kind: str, machine: Machine) -> None:
    """Where the program that opens the log files makes no directory for them; what cannot be made is left."""
    if kind not in _LOGGED or machine.logs.exists():
        return
    with suppress(OSError, LookupError):
        machine.logs.mkdir(parents=True)
        if machine.user != _you():
            shutil.chown(machine.logs, machine.user)


def _filled(kind: str, text: str, machine: Machine) -> str:
    match kind:
        case "windows":
            text = text.replace(_WINDOWS_PROGRAM, escape(str(machine.program)))
            return text.replace(_WINDOWS_PROJECT, escape(str(machine.project)))
        case "launchd":
            return _placed(text, machine, escape, escape)
        case "systemd":
            # Its LogsDirectory= is always below /var/log.
            text = _placed(text, machine, _quoted, _plain, logs=_LOGS)
            text = text.replace("User=hourhand", f"User={machine.user}")
            return _with_homes(text) if _needs_homes(machine) else text
        case "supervisord":
            return _as_user(_placed(text, machine, _quoted, _plain), machine)
        case "pm2":
            script = f"'{_unbroken(machine.program)}'"
            text = text.replace("path.join(home, '.venv', 'bin', 'hourhand')", script)
            return _placed(text, machine, _unbroken, _unbroken)
        case "cron":
            text = text.replace(" .venv/bin/hourhand ", f" {_quoted(machine.program)} ")
            return _placed(text, machine, _quoted, _quoted)
        case "docker":
            # Together in the root of the project.
            text = text.replace("-f deploy/docker/compose.yaml ", "").replace(
                "-f deploy/docker/Dockerfile ", ""
            )
            return text.replace("deploy/docker/", "").replace("../../", "./").replace("../..", ".")
        case _:
            return text


def _placed(
    text: str,
    machine: Machine,
    command: Callable[[str], str],
    place: Callable[[str], str],
    *,
    logs: str | None = None,
) -> str:
    """With the paths of this machine, as they are written in commands and elsewhere."""
    text = text.replace(_PROGRAM, command(str(machine.program)))
    # Not the beginning of a longer name.
    text = re.sub(rf"{_PROJECT}(?![\w-])", lambda _: place(str(machine.project)), text)
    return text.replace(_LOGS, logs or place(str(machine.logs)))


def _plain(path: str | Path, awkward: Collection[str] = _AWKWARD) -> str:
    if found := sorted({*str(path)}.intersection(awkward)):
        raise HourhandError(
            f"the path {path} has {', '.join(map(repr, found))} in it, which supervisors misread",
            "Move the project to a path without such signs.",
        )
    return str(path)


def _unbroken(path: str | Path) -> str:
    """PM2 hands a script with a blank to a shell, in which it is two words."""
    return _plain(path, {*_AWKWARD, " "})


def _quoted(path: str | Path) -> str:
    """As supervisord, systemd and shells read one word of a command."""
    text = _plain(path)
    return f'"{text}"' if " " in text else text


def _whose(project: Path) -> str:
    """You; for root whoever owns the project, because what it needs no rights for should not have them."""
    you = _you()
    if you != "root":
        return you
    try:
        return project.owner()
    except (KeyError, OSError):
        return you


def _you() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return str(os.getuid())


def _as_user(text: str, machine: Machine) -> str:
    """supervisord may change to another user, and write to /run, only where root starts it."""
    if machine.user == "root" or machine.user != _you():
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
