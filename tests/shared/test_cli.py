import importlib.util
import json
import os
import pty
import resource
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import hourhand
from hourhand import cli
from hourhand.errors import BadSetting, HourhandError, Unavailable

SECRET = "hunter2secretvalue"


def run(command: click.Command, *arguments: str, **options: Any) -> Result:
    group = cli.Commands("hourhand")
    group.add_command(command)
    return CliRunner().invoke(group, [command.name or "", *arguments], **options)


def raising(error: BaseException) -> click.Command:
    @click.command("fail")
    def fail() -> None:
        raise error

    return fail


# --- Finding commands ---


def write_distribution(directory: Path, entries: dict[str, str], modules: dict[str, str]) -> None:
    info = directory / "hourhand-0.0.dist-info"
    info.mkdir()
    lines = "\n".join(f"{name} = {target}" for name, target in entries.items())
    (info / "entry_points.txt").write_text(
        f"[console_scripts]\nx = y:z\n\n[hourhand.commands]\n{lines}\n\n[more]\na=b\n"
    )
    for name, text in modules.items():
        (directory / f"{name}.py").write_text(textwrap.dedent(text))


def module(*names: str) -> str:
    commands = "\n".join(f"@click.command()\ndef {name}(): 'The command {name}.'" for name in names)
    return f"import click\n{commands}\ncommands = ({', '.join(names)},)\n"


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path / "missing"), str(tmp_path), *sys.path])
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli.Commands("hourhand"), arguments)


def test_commands_come_from_the_entry_points(distribution: Path) -> None:
    entries = {"one": "hh_one:commands", "two": "hh_two:commands"}
    write_distribution(distribution, entries, {"hh_one": module("alpha", "beta"), "hh_two": module("gamma")})
    output = invoke("--help").output
    assert [name for name in ("alpha", "beta", "gamma") if f"The command {name}." in output] == [
        "alpha",
        "beta",
        "gamma",
    ]
    assert invoke("gamma").exit_code == 0


def test_a_command_of_the_name_of_its_entry_point_needs_no_other(distribution: Path) -> None:
    entries = {"other": "hh_other:commands", "daemon": "hh_daemon:commands"}
    write_distribution(
        distribution, entries, {"hh_other": "raise SystemExit(9)", "hh_daemon": module("daemon")}
    )
    assert invoke("daemon").exit_code == 0


def test_a_broken_part_does_not_take_the_others_along(distribution: Path) -> None:
    entries = {"broken": "hh_broken:commands", "sound": "hh_sound:commands"}
    modules = {"hh_broken": "raise ValueError('no')", "hh_sound": module("delta")}
    write_distribution(distribution, entries, modules)
    result = invoke("--help")
    assert "delta" in result.stdout
    assert result.stderr == "Warning: the commands of hh_broken:commands cannot be loaded: ValueError: no\n"


def test_an_unknown_command_is_a_usage_error_with_a_suggestion(distribution: Path) -> None:
    write_distribution(distribution, {"x": "hh_x:commands"}, {"hh_x": module("epsilon")})
    result = invoke("epsilom")
    assert result.exit_code == 2
    assert "epsilon" in result.stderr


# --- Errors and exit codes ---


@pytest.mark.parametrize(
    ("error", "code"),
    [(HourhandError("it failed"), 1), (Unavailable("it failed"), 69), (BadSetting("it failed"), 78)],
)
def test_an_error_of_ours_is_its_message_its_hint_and_its_code(error: HourhandError, code: int) -> None:
    error.hint = "Try this."
    result = run(raising(error))
    assert result.stderr == "Error: it failed\nTry this.\n"
    assert (result.stdout, result.exit_code) == ("", code)


def test_a_command_may_return_its_exit_code() -> None:
    @click.command("count")
    @click.argument("code", type=int)
    def count(code: int) -> int:
        return code

    assert [run(count, code).exit_code for code in ("0", "1", "75")] == [0, 1, 75]


def test_an_unexpected_error_is_one_sentence_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOURHAND_DEBUG", raising=False)
    monkeypatch.setenv("LOG_LEVEL", "INFO")
    result = run(raising(ValueError(f"cannot use\npostgresql://u:{SECRET}@h/db")))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: ValueError: cannot use postgresql://u:***@h/db",
        "HOURHAND_DEBUG=1 shows where this happened.",
    ]


def test_a_file_that_cannot_be_used_is_named_with_what_to_try(tmp_path: Path) -> None:
    @click.command()
    def save() -> None:
        (tmp_path / "missing" / "file").write_text("x")

    result = run(save)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: cannot use {tmp_path}/missing/file: No such file or directory\n"
        "Choose another place, or make this one usable.\n"
    )


@pytest.mark.parametrize(("name", "value"), [("HOURHAND_DEBUG", "1"), ("LOG_LEVEL", "DEBUG")])
def test_those_who_debug_get_the_traceback(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert isinstance(run(raising(ValueError("here"))).exception, ValueError)


def test_wrong_settings_do_not_hide_an_unexpected_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOB_WORKER_BATCH", "x")
    assert "ValueError: here" in run(raising(ValueError("here"))).stderr


def test_ctrl_c_exits_with_130() -> None:
    assert run(raising(KeyboardInterrupt())).exit_code == 130


def test_a_reader_that_leaves_early_is_no_error() -> None:
    program = """
        import click
        from hourhand import cli
        group = cli.Commands("hourhand")
        @group.command()
        def talk():
            for number in range(20_000): click.echo(f"line {number}")
        group(["talk"])
    """
    talk = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert talk.stdout is not None
    assert talk.stdout.readline() == b"line 0\n"
    talk.stdout.close()
    assert talk.wait(30) != 0
    assert talk.stderr is not None
    assert talk.stderr.read() == b""
    talk.stderr.close()


def test_what_the_terminal_cannot_show_is_written_as_an_escape() -> None:
    program = "import click; from hourhand.cli import Commands; Commands(invoke_without_command=True, callback=lambda: click.echo('日本'))()"
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment, timeout=60)
    assert (done.stdout, done.stderr) == (b"\\u65e5\\u672c\n", b"")


def test_ctrl_c_while_it_starts_shows_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import hourhand.cli\nraise KeyboardInterrupt"],
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


# --- Start-up ---

HEAVY = {
    "pydantic",
    "pydantic_core",
    "psycopg",
    "supabase",
    "loguru",
    "fastapi",
    "httpx",
    "tenacity",
    "croniter",
}


def test_help_imports_nothing_heavy() -> None:
    program = "import sys\nfrom hourhand.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & HEAVY == set()
    assert "importlib.metadata" not in loaded


def test_help_costs_little_more_than_that_of_a_bare_click_program() -> None:
    """Twice as much of the processor's time, which a busy machine does not stretch as it does a clock's."""
    bare = "import click; click.command('bare')(lambda: None)(['--help'])"
    ours = "from hourhand.cli import main; main(['--help'])"
    times: dict[str, list[float]] = {bare: [], ours: []}
    for _ in range(5):
        for program, taken in times.items():
            before = _used_by_children()
            subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, timeout=60, check=True)
            taken.append(_used_by_children() - before)
    assert min(times[ours]) < 3 * min(times[bare])


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_no_list_of_commands_cuts_what_one_is_for() -> None:
    runner = CliRunner()
    cli.main.list_commands(click.Context(cli.main))
    groups = [name for name, each in cli.main.commands.items() if isinstance(each, click.Group)]
    assert "schedule" in groups
    for group in ("", *groups):
        listed = runner.invoke(cli.main, [*group.split(), "--help"], terminal_width=80).stdout
        _, _, commands = listed.partition("Commands:")
        assert "..." not in commands


def test_the_version_is_that_of_the_distribution() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hourhand", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"hourhand, version {hourhand.__version__}\n"


def test_what_users_import_is_there() -> None:
    for name in hourhand.__all__:
        assert getattr(hourhand, name) is not None
        # A module of that name would take the place of the function once anything imports it.
        assert importlib.util.find_spec(f"hourhand.{name}") is None
    assert set(hourhand.__all__) <= set(dir(hourhand))
    with pytest.raises(AttributeError, match="no attribute 'tusk'"):
        _ = hourhand.tusk  # type: ignore[attr-defined]


def test_importing_hourhand_loads_none_of_it() -> None:
    program = "import sys, hourhand; print(*[name for name in sys.modules if name.startswith('hourhand')])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "hourhand\n"


# --- Writing ---


def json_of(value: object, capsys: pytest.CaptureFixture[str]) -> Any:
    cli.echo_json(value)
    return json.loads(capsys.readouterr().out)


def test_json_holds_times_in_iso_and_whatever_else_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"at": datetime(2026, 1, 2, tzinfo=UTC), "path": Path("/x"), "text": "ü\ud800"}
    assert json_of(value, capsys) == {"at": "2026-01-02T00:00:00+00:00", "path": "/x", "text": "ü\ud800"}


def test_the_json_option_adds_a_flag() -> None:
    @click.command("show")
    @cli.json_option
    def show(as_json: bool) -> None:
        cli.echo_json([1]) if as_json else click.echo("text")

    assert json.loads(run(show, "--json").output) == [1]
    assert run(show).output == "text\n"


ROWS = [("news", 12, None), ("a longer name", 3, "a\nproblem\x1b[31m"), ("日本", 4.5, "é")]


def test_a_table_is_aligned_and_holds_no_control_characters() -> None:
    assert cli.table(ROWS, ["name", "runs", "error"]).splitlines() == [
        "name           runs  error",
        "news             12  -",
        r"a longer name     3  a problem\x1b[31m",
        "日本            4.5  é",
    ]


def test_a_table_needs_no_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert cli.table([("news",)], ["name"]) == "name\nnews"


def test_a_table_without_rows_is_its_headings() -> None:
    assert cli.table([], ["name", "runs"]) == "name  runs"


def test_a_table_fits_its_width_by_cutting_the_widest_columns() -> None:
    rows = [("short", "x" * 100), ("日本" * 20, "y")]
    lines = cli.table(rows, ["name", "text"], width=40).splitlines()
    assert max(map(cli._extent, lines)) <= 40
    assert all("…" in line for line in lines[1:])


def test_a_table_is_cut_only_for_a_terminal() -> None:
    program = "from hourhand.cli import table; print(table([('x' * 200,)], ['name']))"
    piped = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "x" * 200 in piped.stdout
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80"}
    subprocess.run([sys.executable, "-c", program], stdout=follower, env=environment, timeout=60, check=True)
    os.close(follower)
    shown = os.read(leader, 10_000).decode()
    os.close(leader)
    assert "x" * 79 + "…" in shown
    assert "x" * 80 not in shown
