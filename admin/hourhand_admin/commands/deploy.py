"""`hourhand deploy`: the files that keep hourhand running on this machine."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

import click

from hourhand.errors import FAILED
from hourhand_admin.terminal.session import examples, say

_KINDS = (
    "supervisord",
    "pm2",
    "systemd",
    "docker",
    "kubernetes",
    "procfile",
    "windows",
    "launchd",
    "cron",
    "monitoring",
)


@click.command(
    epilog=examples(
        "hourhand deploy supervisord > supervisord.conf",
        "hourhand deploy pm2 > ecosystem.config.js && pm2 start ecosystem.config.js",
        "sudo .venv/bin/hourhand deploy systemd --user hourhand --install",
        "hourhand deploy docker --output .",
        "(crontab -l; hourhand deploy cron) | crontab -",
    )
)
@click.argument("kind", type=click.Choice(_KINDS), metavar="KIND")
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Directory of the project: where its .env is.  [default: this one]",
)
@click.option(
    "--user", metavar="USER", help="Who the services run as.  [default: you; for root, the project's owner]"
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the files to this directory instead of stdout.",
)
@click.option("--install", is_flag=True, help="systemd: put the units in place and start them; needs root.")
def deploy(kind: str, project: Path, user: str | None, output: Path | None, install: bool) -> int:
    """Print the files of a supervisor, a container or a timer.

    They are filled in for this machine. supervisord, pm2, systemd, docker, kubernetes and procfile keep the
    services running; cron, windows and launchd (and systemd's hourhand-tick.timer) make a pass now and then
    instead; monitoring has rules for Prometheus and a dashboard for Grafana.
    """
    from hourhand.settings import load_settings
    from hourhand_admin import deployment

    if install and kind != "systemd":
        raise click.UsageError(
            "--install is for systemd; the others are put in place by a command of theirs."
        )
    with chdir(project):  # for its .env
        logs = load_settings().log_dir
    if user is not None and install:
        _require_user(user)
    machine = deployment.this_machine(project, logs=logs, user=user)
    files = deployment.files(kind, machine)
    deployment.make_logs(kind, machine)
    for hint in deployment.hints(kind, machine):
        say(hint)
    if install:
        return _install(files)
    if output is not None:
        return _write(files, output)
    for name, text in files.items():
        if len(files) > 1:
            click.echo(f"==> {name} <==")
        click.echo(text)
    return 0


def _require_user(name: str) -> None:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        raise click.BadParameter(f"there is no user {name} on this machine", param_hint="--user") from None


def _write(files: dict[str, str], directory: Path) -> int:
    directory.mkdir(parents=True, exist_ok=True)
    if there := [name for name in files if (directory / name).exists()]:
        say(f"Error: {directory} has {', '.join(there)} already. Move them away, or choose another --output.")
        return FAILED
    for name, text in files.items():
        (directory / name).write_text(text, "utf-8")
        click.echo(str(directory / name))
    return 0


def _install(files: dict[str, str]) -> int:
    from hourhand_admin.systemd import install

    services = install(files)
    say(f"Installed and started {', '.join(services)}.")
    say("`systemctl status hourhand.target 'job-*'` shows them, `journalctl -u job-worker -f` follows one.")
    return 0
