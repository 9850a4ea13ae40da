"""What the pages on monitoring, on trouble and on where people come from say can be typed, can be typed."""

import re
import shlex
from pathlib import Path

import click
import pytest

from hourhand.cli import main
from hourhand.settings import REFERENCE

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    DOCS / "monitoring.md",
    DOCS / "troubleshooting.md",
    DOCS / "how-to" / "alerts.md",
    *sorted((DOCS / "coming-from").glob("*.md")),
]
_TYPED = re.compile(
    r"`(hourhand [^`]+)`|^(?:docker compose exec \w+ )?(hourhand [^\n#]+)|-- .*?  (hourhand .+)$",
    re.MULTILINE,
)
_SETTING = re.compile(r"`?\b(HOURHAND_[A-Z_]+|JOBS?_[A-Z_]+(?:_MS|_BATCH|_TZ))\b")


def typed(page: Path) -> list[str]:
    found = [next(filter(None, groups)) for groups in _TYPED.findall(page.read_text("utf-8"))]
    return [re.sub(r" >>.*", "", each).strip() for each in found]


def unknown(line: str) -> str | None:
    """What of a command line hourhand does not know: a command or an option."""
    command: click.Command = main
    context = click.Context(main, info_name="hourhand")
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group) and words:
        word = words.pop(0)
        below = command.get_command(context, word)
        if below is None:
            return word
        command, context = below, click.Context(below, info_name=word, parent=context)
    options = {name for one in command.params for name in one.opts}
    return next((word for word in words if word.startswith("-") and word not in options), None)


def test_the_check_can_fail() -> None:
    assert unknown("hourhand no-such-command") == "no-such-command"
    assert unknown("hourhand run list --no-such-option") == "--no-such-option"
    assert unknown("hourhand run list --status failed") is None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_can_be_typed(page: Path) -> None:
    lines = typed(page)
    assert lines
    assert {line: word for line in lines if (word := unknown(line))} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_setting_of_a_page_is_one(page: Path) -> None:
    known = {name for row in REFERENCE for name in row.names}
    assert set(_SETTING.findall(page.read_text("utf-8"))) - known <= {"JOB_LIMITS"}


def test_there_is_a_page_for_each_way_of_coming() -> None:
    assert len(PAGES) == 3 + 5
