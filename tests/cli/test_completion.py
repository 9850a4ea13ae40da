"""The shell completes what is typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from hourhand.cli import main
from tests.docs.markdown import ROOT, blocks
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
    completion = ShellComplete(main, {}, "hourhand", "_HOURHAND_COMPLETE")
    assert [item.value for item in completion.get_completions([*typed], begun)] == offered


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
