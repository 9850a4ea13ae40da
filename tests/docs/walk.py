"""Follows a document as a reader would: writes its files, types its commands, compares what they print.

Compared are words. Times, durations, ids and other numbers may differ; `...` stands for anything; a command
may print more lines than are shown. Looking at runs is repeated until it shows what the document says.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from hourhand.embedded import running
from tests.docs.markdown import Block, blocks
from tests.support.waiting import eventually

PATIENCE = 30.0

_LOOKING = re.compile(
    r"hourhand (run (list|show|logs|stats)|schedule (list|show|next)|tasks|status|queue list)\b"
)
_CONFIGURED = re.compile(
    r"HOURHAND_|JOB_|SUPABASE_|LOG_LEVEL$|JOBS_|(DATABASE|POSTGRES|DATABASE_PRIMARY)_URL$"
)
_SPAN = r"\d+(?:\.\d+)?(?:ms|[smhd])\b"
_LOOSE = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]{2,5}\b"), "TIME"),
    (re.compile(rf"(?:in )?{_SPAN}(?: {_SPAN})*(?: ago)?|\bnow\b"), "SPAN"),
    (re.compile(r"\d+"), "N"),
    (re.compile(r"\s+"), " "),
)
_NAMED = re.compile(r"(?:\brun |\bagain as |^children +)(\d+)")
_LISTED = re.compile(r"^ *(\d+) ")
_ASKED_FOR = re.compile(r"(?<=^hourhand run )(show|logs|retry|wait|cancel) (\d+)")


@dataclass(frozen=True)
class Step:
    """A command and the lines that the document shows below it."""

    command: str
    shown: list[str]


def steps(block: Block) -> Iterator[Step]:
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *shown = part.replace("\\\n", "").rstrip("\n").split("\n")
        yield Step(command, [line for line in shown if line.strip() not in ("", "...")])


@dataclass
class Walk:
    """One reader in a directory of their own, who has configured nothing."""

    directory: Path
    ids: dict[str, str] = field(default_factory=dict)
    """The id that a run of the document has here."""

    def follow(self, page: Path) -> None:
        for block in blocks(page, "python", "console", "sql"):
            match block.language:
                case "python" if block.file:
                    (self.directory / block.file).write_text(block.text, "utf-8")
                case "console":
                    for step in steps(block):
                        self._take(step)
                case "sql":
                    self._query(block)

    def stop(self) -> None:
        """Leave nothing running, however far the reader came."""
        self._type("hourhand stop")
        lock = self.directory / ".hourhand" / "up.pid"
        if lock.exists() and (pid := lock.read_text().strip()):
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    # --- Commands ---

    def _take(self, step: Step) -> None:
        command = _ASKED_FOR.sub(lambda match: f"{match[1]} {self.ids.get(match[2], match[2])}", step.command)
        if re.match(r"hourhand up\b", command):
            command = _in_background(command)

        def printed() -> bool:
            self._compare(step, self._type(command))
            return True

        eventually(printed, PATIENCE if _LOOKING.match(command) else 0.0, interval=0.1)

    def _type(self, command: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not _CONFIGURED.match(name)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.directory,
            env={**environment, "PATH": path, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
        return done.stdout

    def _compare(self, step: Step, printed: str) -> None:
        left = iter(printed.splitlines())
        pairs = []
        for line in step.shown:
            match = next((real for real in left if _alike(line, real)), None)
            assert match is not None, f"$ {step.command}\nshows: {line}\nprinted:\n{printed}"
            pairs.append((line, match))
        for line, match in pairs:
            self._learn(_LISTED if "hourhand run list" in step.command else _NAMED, line, match)

    def _learn(self, run: re.Pattern[str], shown: str, real: str) -> None:
        for here, there in zip(run.finditer(shown), run.finditer(real), strict=False):
            self.ids[here[1]] = there[1]

    # --- SQL ---

    def _query(self, block: Block) -> None:
        """Each statement, and the answer that is shown as a comment below it."""
        url = running(self.directory / ".hourhand")
        assert url is not None
        with psycopg.connect(url, autocommit=True) as connection:
            for statement, comments in re.findall(r"([^;]+);\n((?:-- .*\n)*)", block.text):
                cursor = connection.execute(statement.encode())
                answers = cursor.fetchall() if cursor.description else []
                shown = comments.replace("-- ", "").splitlines()
                assert len(shown) <= len(answers), statement
                for line, answer in zip(shown, answers, strict=False):
                    real = " | ".join(_as_psql(value) for value in answer)
                    assert _alike(line, real), f"{statement}: {real}"


def _alike(shown: str, real: str) -> bool:
    parts = (re.escape(part) for part in _loose(shown).split("..."))
    return re.fullmatch(".*".join(parts), _loose(real)) is not None


def _loose(line: str) -> str:
    for pattern, word in _LOOSE:
        line = pattern.sub(word, line)
    return line.strip()


def _as_psql(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _in_background(command: str) -> str:
    """`hourhand up` beside whatever else listens on this computer, and without keeping the terminal."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = shlex.split(command, comments=True)
    detach = [] if "--detach" in words else ["--detach"]
    return shlex.join([*words, *detach, "--port", str(port)])
