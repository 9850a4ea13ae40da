"""The shell completes what is typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from hourhand import Client
from hourhand.cli import main
from hourhand_admin.terminal import completion
from tests.cli.conftest import Hourhand
from tests.docs.markdown import ROOT, blocks
from tests.support.hand import Hand
from tests.support.programs import program


@pytest.mark.parametrize(
    ("typed", "begun", "offered"),
    [
        ((), "doc", ["doctor"]),
        (("schedule",), "res", ["resume"]),
        (("run", "list"), "--sta", ["--status"]),
        (("doctor",), "--test", ["--test-pipeline"]),
        (("user", "add"), "--ro", ["--role"]),
        (("user", "add", "alice", "--role"), "op", ["operator"]),
    ],
)
def test_commands_options_and_choices_are_completed(
    typed: tuple[str, ...], begun: str, offered: list[str]
) -> None:
    assert completed(" ".join(typed), begun) == offered


def completed(typed: str, begun: str) -> list[str]:
    shell = ShellComplete(main, {}, "hourhand", "_HOURHAND_COMPLETE")
    return [item.value for item in shell.get_completions(typed.split(), begun)]


def test_names_of_the_database_are_completed(hourhand: Hourhand, client: Client, hand: Hand) -> None:
    for name in ("news", "news-late", "new year", "other"):
        client.schedules.create(name, "clean-news", every="1h")
    for typed in ("schedule show", "schedule why", "schedule backfill", "fleet show", "run list --schedule"):
        assert completed(typed, "new") == ["news", "news-late"], typed
    assert completed("schedule add", "new") == []
    for typed in ("enqueue", "tasks", "run list --task", "schedule add x --task"):
        assert completed(typed, "cle") == ["clean-news"], typed
    assert completed("queue pause", "") == ["default", "feeds"]


def test_without_a_database_nothing_is_offered(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(completion, "_PATIENCE", 0.1)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert completed("schedule show", "n") == []
    monkeypatch.setenv("DATABASE_URL", "nonsense")
    assert completed("schedule show", "n") == []
    assert capfd.readouterr() == ("", "")


def test_the_line_of_the_reference_makes_bash_do_it() -> None:
    bash = program("bash")
    [line] = [
        line
        for block in blocks(ROOT / "docs" / "reference" / "commands.md", "sh")
        for line in block.text.splitlines()
        if line.endswith("# bash")
    ]
    script = f"{line}\nCOMP_WORDS=(hourhand sched) COMP_CWORD=1\n_hourhand_completion hourhand\necho ${{COMPREPLY[@]}}"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["schedule", "scheduler"], done.stderr
