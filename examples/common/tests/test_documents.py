"""What the documents about the five systems name is there: items, files, commands, settings and tests."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from hourhand.cli import main
from tests.docs.markdown import ROOT, blocks, code, prose, rows, sections

FIVE = ROOT / "docs" / "five-systems.md"
PAGES = [FIVE, *ROOT.glob("docs/coming-from/*.md"), *ROOT.glob("examples/*/README.md")]
LAST_ITEM = 223
ELSEWHERE = {"/static/client.js"}  # an address

_COMMAND = re.compile(r"(?:^|[\s(/])hourhand (?!is\b)[^|&;<>#\n]*")
_SETTING = re.compile(r"[A-Z][A-Z]+_[A-Z_]+[A-Z]")
_FILE = re.compile(r"[\w./-]+\.(?:py|sql|yaml|sh|js|service|timer|conf|desktop|xml|plist)")


def items() -> list[list[str]]:
    return [row for row in rows(FIVE.read_text("utf-8")) if row[0].isdigit()]


def test_each_item_is_told_once_and_where_it_is() -> None:
    found = items()
    assert [int(row[0]) for row in found] == list(range(1, LAST_ITEM + 1))
    assert [row for row in found if len(row) != 3 or not all(row)] == []
    vague = re.compile(r"not yet|not measured|todo|tbd|planned|soon\b", re.IGNORECASE)
    assert [row for row in found if vague.search(row[2])] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_named_are_commands(page: Path) -> None:
    wrong = {command: fault for command in _commands(page) if (fault := _fault(shlex.split(command)[1:]))}
    assert wrong == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    named = {word for word in code(prose(page)) if _FILE.fullmatch(word) and word == word.lower()}
    assert sorted(word for word in named if not _is_file(word, page)) == []


def test_settings_that_are_named_are_read() -> None:
    named = {word for row in items() for text in code(row[2]) for word in _SETTING.findall(text)}
    assert len(named) > 10
    assert sorted(named - _settings()) == []


def test_tasks_that_are_named_exist() -> None:
    source = "".join(file.read_text("utf-8") for file in (ROOT / "examples").glob("*/*tasks*/*.py"))
    source += "".join(file.read_text("utf-8") for file in (ROOT / "examples").glob("*/*tasks.py"))
    named = [match[1] for row in items() if (match := re.match(r"task ([\w-]+)$", row[1]))]
    assert len(named) == 17
    assert [name for name in named if f'@task("{name}"' not in source] == []


def test_what_bad_input_does_is_tested() -> None:
    told = list(rows(sections(FIVE, 2)["Bad input"]))
    tests = "".join(file.read_text("utf-8") for file in (ROOT / "examples").rglob("test_*.py"))
    assert len(told) > 10
    assert [row for row in told if not all(row)] == []
    assert [test for row in told for test in code(row[3]) if f"def {test}(" not in tests] == []


# --- Reading ---


def _commands(page: Path) -> Iterator[str]:
    typed = [block.text for block in blocks(page, "sh", "console", "cron")]
    for text in [*code(prose(page)), *typed]:
        for match in _COMMAND.finditer(text.replace("\\\n", " ")):
            yield match[0].lstrip(" (/\n").rstrip(" ,.):\n")


def _fault(words: list[str]) -> str | None:
    """What is wrong with a command, which may be one of those that have others below them."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        if found is None:
            return None if re.fullmatch("[A-Z]+|…", name) else f"no command {name}"
        command = found
    known = {"-h", "--help"} | {
        option for each in command.params for option in (*each.opts, *each.secondary_opts)
    }
    given = [word.partition("=")[0] for word in words if re.match("--?[a-z]", word)]
    return next((f"no option {option}" for option in given if option not in known), None)


def _is_file(word: str, page: Path) -> bool:
    """From the root, from the page, or somewhere among the examples and what is deployed."""
    places = [ROOT, page.parent, *(ROOT / "examples").iterdir(), *(ROOT / "deploy").iterdir()]
    return word in ELSEWHERE or any((place / word).exists() for place in places)


@cache
def _settings() -> frozenset[str]:
    """Those of hourhand, and those that the examples read."""
    texts = [(ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")]
    texts += [file.read_text("utf-8") for file in (ROOT / "examples").rglob("*.py")]
    return frozenset(word for text in texts for word in _SETTING.findall(text))
