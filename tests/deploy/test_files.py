"""The files of deploy/, read by the programs they are for, and filled in by `hourhand deploy`."""

import configparser
import json
import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from hourhand.cli import main
from hourhand.errors import HourhandError
from hourhand_admin import deployment, systemd
from hourhand_admin.commands.deploy import deploy
from tests.support.programs import program

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())
SERVICES = [name for name in UNITS if name.endswith(".service")]
BESIDE_PYTHON = Path(sys.executable).parent


def checked(*command: str | Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["deploy", *arguments])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


# --- As they are ---


def test_every_file_of_deploy_belongs_to_a_kind() -> None:
    named = {name for names in deployment.KINDS.values() for name in names}
    there = {path.relative_to(DEPLOY).as_posix() for path in DEPLOY.rglob("*") if path.is_file()}
    assert there - {"README.md"} == named
    [argument] = [each for each in deploy.params if each.name == "kind"]
    assert list(argument.type.choices) == list(deployment.KINDS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_is_exposed_little(unit: str) -> None:
    program("systemd-analyze")
    told = checked("systemd-analyze", "security", "--offline=true", DEPLOY / "systemd" / unit)
    found = re.search(r"Overall exposure level.*: (\d+\.\d)", told)
    assert found, told
    assert float(found[1]) <= 2.0, told


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_every_line(unit: str) -> None:
    """It tells of what it ignores, but not by its exit code."""
    program("systemd-analyze")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(DEPLOY / "systemd" / unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    wrong = [line for line in done.stderr.splitlines() if f"{DEPLOY / 'systemd' / unit}:" in line]
    assert not wrong


def test_supervisord_has_a_section_for_each_service() -> None:
    parser = configparser.ConfigParser(inline_comment_prefixes=None, interpolation=None)
    parser.read(DEPLOY / "supervisord" / "supervisord.conf")
    programs = {name.removeprefix("program:") for name in parser.sections() if name.startswith("program:")}
    assert programs == {"job-scheduler", "job-worker", "hourhand-admin"}
    for name in programs:
        assert int(parser[f"program:{name}"]["stopwaitsecs"]) > 30


def test_pm2_reads_its_file() -> None:
    script = f"console.log(JSON.stringify(require({str(DEPLOY / 'pm2/ecosystem.config.js')!r})))"
    apps = json.loads(checked(program("node"), "-e", script))["apps"]
    assert [(app["name"], app["max_memory_restart"]) for app in apps] == [
        ("job-scheduler", "500M"),
        ("job-worker", "1G"),
        ("hourhand-admin", "500M"),
    ]
    assert all(app["wait_ready"] and app["kill_timeout"] > 30_000 for app in apps)


def test_the_compose_file_is_valid() -> None:
    checked(
        BESIDE_PYTHON / "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        DEPLOY / "docker/compose.yaml",
    )


def test_the_dockerfile_is_clean() -> None:
    checked(BESIDE_PYTHON / "hadolint", DEPLOY / "docker/Dockerfile")


def test_the_manifests_are_valid() -> None:
    told = checked(
        BESIDE_PYTHON / "kubernetes-validate", "--strict", "--no-warn", DEPLOY / "kubernetes/hourhand.yaml"
    )
    assert told.count("passed") == 5


def test_the_other_schedulers_files_are_well_formed() -> None:
    task = ElementTree.parse(DEPLOY / "windows/hourhand-tick.xml")
    names = {element.tag.rpartition("}")[2] for element in task.iter()}
    assert names >= {"LogonTrigger", "StartWhenAvailable", "Exec"}
    agent = plistlib.loads((DEPLOY / "launchd/hourhand.tick.plist").read_bytes())
    assert agent["ProgramArguments"][1:] == ["tick"]


# --- Filled in ---


@pytest.mark.parametrize("kind", ["supervisord", "pm2", "systemd", "cron", "launchd"])
def test_the_example_machine_is_gone_from_what_is_printed(kind: str, project: Path) -> None:
    done = run(kind, "--user", "somebody")
    assert done.exit_code == 0, done.output
    said = done.output
    assert "/opt/hourhand" not in said
    assert str(project) in said
    assert str(Path(sys.executable).parent / "hourhand") in said
    if kind in ("supervisord", "systemd"):
        assert re.search(r"(?i)^user=somebody$", said, re.MULTILINE)


def test_who_is_not_root_gets_a_supervisord_of_their_own(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "me")
    said = run("supervisord").output
    assert "user=" not in said
    assert "/run/" not in said
    assert f"pidfile={project}/logs/supervisord.pid" in said


def test_units_see_a_home_directory_only_where_the_project_is_in_one() -> None:
    def home(project: str) -> str:
        machine = deployment.Machine(
            Path(project), Path("/usr/bin/hourhand"), Path("/var/log/hourhand"), "me"
        )
        text = deployment.files("systemd", machine)["job-worker.service"]
        found = re.search(r"^ProtectHome=(.*)$", text, re.MULTILINE)
        return found[1] if found else ""

    assert home("/home/me/project") == "read-only"
    if not sys.base_prefix.startswith(("/home", "/root")):
        assert home("/srv/project") == "yes"


@pytest.mark.parametrize(
    ("kind", "sign"), [("supervisord", "%"), ("pm2", " "), ("systemd", "%"), ("cron", "%"), ("pm2", "'")]
)
def test_a_path_that_would_be_misread_is_refused(kind: str, sign: str, tmp_path: Path) -> None:
    awkward = tmp_path / f"my{sign}project"
    awkward.mkdir()
    done = run(kind, "--project", str(awkward))
    assert done.exit_code == 1
    assert f"{sign!r} in it" in done.output


@pytest.mark.parametrize("kind", ["supervisord", "systemd", "cron"])
def test_a_path_with_a_blank_is_one_word_of_a_command(kind: str) -> None:
    home = Path("/srv/my project")
    machine = deployment.Machine(home, home / ".venv/bin/hourhand", home / "logs", "me")
    text = "".join(deployment.files(kind, machine).values())
    commands = re.findall(r"^(?:command=|ExecStart=|\*/15 \* \* \* \* )(.*)$", text, re.MULTILINE)
    assert commands
    for command in commands:
        words = shlex.split(command)
        assert str(machine.program) in words
        assert {word for word in words if "my" in word} <= {
            str(home),
            str(machine.program),
            f"{machine.logs}/tick.log",
        }


def test_the_files_of_an_image_work_beside_each_other(project: Path) -> None:
    said = run("docker").stdout
    assert "deploy/" not in said
    assert re.search(r"context: \.\n +dockerfile: Dockerfile\n", said)
    assert "path: ./.env\n" in said


@pytest.mark.parametrize("kind", ["supervisord", "launchd", "cron"])
def test_the_directory_of_the_logs_is_made_where_nothing_else_makes_it(kind: str, project: Path) -> None:
    assert run(kind).exit_code == 0
    assert (project / "logs").is_dir()


def test_a_directory_that_cannot_be_made_is_told_of(project: Path) -> None:
    (project / ".env").write_text("HOURHAND_LOG_DIR=file/logs")
    (project / "file").touch()
    done = run("cron")
    assert done.exit_code == 0
    assert f"{project}/file/logs, for the logs, is missing" in done.stderr


def test_the_settings_are_those_of_the_project(project: Path, tmp_path: Path) -> None:
    (project / ".env").write_text("HOURHAND_LOG_DIR=ours")
    (other := tmp_path / "other").mkdir()
    (other / ".env").write_text("HOURHAND_LOG_DIR=theirs")
    assert f">> {other}/theirs/tick.log" in run("cron", "--project", "../other").stdout


def test_it_says_what_the_services_would_miss(project: Path) -> None:
    environment = project / ".env"
    for text, mode, missing in [
        ("", 0o600, ["DATABASE_URL", "HOURHAND_TASKS"]),
        ("SUPABASE_URL=https://x.supabase.co\nSUPABASE_SECRET_KEY=k\nHOURHAND_TASKS=t", 0o644, ["chmod"]),
        ("DATABASE_URL=postgresql://h/d\nHOURHAND_TASKS=t", 0o640, []),
    ]:
        environment.write_text(text)
        environment.chmod(mode)
        done = run("pm2")
        assert done.exit_code == 0, done.output
        told = done.stderr.splitlines()
        assert len(told) == len(missing)
        assert all(word in line for word, line in zip(missing, told, strict=True))


def test_services_do_not_run_as_root_because_root_has_asked(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    monkeypatch.setattr(Path, "owner", lambda _: "somebody")
    assert "User=somebody" in run("systemd").stdout


def test_a_user_without_a_name_is_a_number(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert f"User={os.getuid()}\n" in run("systemd").stdout


def test_xml_takes_any_path(tmp_path: Path) -> None:
    awkward = tmp_path / "fish & chips"
    awkward.mkdir()
    agent = plistlib.loads(run("launchd", "--project", str(awkward)).output.encode())
    assert agent["WorkingDirectory"] == str(awkward)


def test_files_are_written_but_none_is_overwritten(project: Path) -> None:
    assert run("docker", "--output", "out").exit_code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "Dockerfile",
        "Dockerfile.dockerignore",
        "compose.yaml",
    ]
    again = run("docker", "--output", "out")
    assert again.exit_code == 1
    assert "already" in again.output


def test_installing_is_for_systemd_only(project: Path) -> None:
    done = run("pm2", "--install")
    assert done.exit_code == 2
    assert "--install is for systemd" in done.output


def test_installing_without_systemd_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    done = run("systemd", "--install")
    assert done.exit_code == 1
    assert "no systemctl" in done.output


def test_installing_for_nobody_or_on_a_machine_without_systemd_writes_nothing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("systemd", "--install", "--user", "no-such-user")
    assert (done.exit_code, "there is no user no-such-user" in done.output) == (2, True)
    units = tmp_path / "units"
    units.mkdir()
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/systemctl")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(systemd, "_BOOTED", tmp_path / "missing")
    with pytest.raises(HourhandError, match="not started with systemd"):
        systemd.install({"a.service": "text"}, units)
    assert list(units.iterdir()) == []


def test_installing_does_not_wait_for_ever_for_services_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (systemctl := tmp_path / "systemctl").write_text('#!/bin/sh\ntest "$1" != restart || exec sleep 60\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(systemd, "PATIENCE", 0.5)
    monkeypatch.setattr(systemd, "_BOOTED", tmp_path)
    with pytest.raises(HourhandError, match=r"has not ended within 0\.5 s"):
        systemd.install({"a.service": "text"}, tmp_path)
    assert (tmp_path / "a.service").read_text() == "text"
