"""The parts of the reference that the program itself tells best: its settings and its commands.

    python -m tests.docs.generated

writes them anew between their marks; all around is written by hand. A test fails when they are stale.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from hourhand.cli import main
from hourhand.settings import REFERENCE
from tests.docs.markdown import ROOT

_PAGES = ROOT / "docs" / "reference"
_PART = re.compile(
    r"(<!-- from here: python -m tests\.docs\.generated -->\n).*?(<!-- to here -->)", re.DOTALL
)


def settings() -> str:
    """One row for each setting."""
    lines = ["| name | default | |", "|---|---|---|"]
    for row in REFERENCE:
        names = ", ".join(f"`{name}`" for name in row.names)
        lines.append(f"| {names} | {f'`{row.default}`' if row.default else '-'} | {row.says} |")
    return "\n".join(lines)


def commands() -> str:
    """A section for each command, in the order of their names."""
    return "\n\n".join(_section(path, context) for path, context in every_command())


def every_command() -> Iterator[tuple[str, click.Context]]:
    """Each command that does something, with what is typed to reach it."""
    yield from _below(click.Context(main, info_name="hourhand"), "")


def _below(context: click.Context, path: str) -> Iterator[tuple[str, click.Context]]:
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from _below(inner, f"{path} {name}".strip())
        else:
            yield f"{path} {name}".strip(), inner


def shown_options(context: click.Context) -> list[click.Option]:
    """What `--help` lists, but for `--help` itself."""
    options = [one for one in context.command.params if isinstance(one, click.Option)]
    return [one for one in options if not one.hidden]


def _section(path: str, context: click.Context) -> str:
    command = context.command
    parts = [f"## {path}", f"`hourhand {path}{_arguments(context)}`", _paragraphs(command.help or "")]
    records = [record for one in shown_options(context) if (record := one.get_help_record(context))]
    if records:
        rows = [f"| `{_cell(names)}` | {_cell(says)} |" for names, says in records]
        parts.append("\n".join(["| option | |", "|---|---|", *rows]))
    if command.epilog:
        parts.append(f"```sh\n{_examples(command.epilog)}\n```")
    return "\n\n".join(parts)


def _arguments(context: click.Context) -> str:
    words = [one.make_metavar(context) for one in context.command.params if isinstance(one, click.Argument)]
    return "".join(f" {word}" for word in words)


def _paragraphs(text: str) -> str:
    """One line a paragraph, so that a new word does not move all the others."""
    return "\n\n".join(
        " ".join(part.split()) for part in re.split(r"\n\s*\n", text.replace("\b", "").strip())
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _examples(epilog: str) -> str:
    lines = (line.strip() for line in epilog.replace("\b", "").splitlines())
    return "\n".join(line for line in lines if line and line != "Examples:")


PARTS: dict[Path, Callable[[], str]] = {
    _PAGES / "settings.md": settings,
    _PAGES / "commands.md": commands,
}


def renewed(page: Path) -> str:
    """The page as it should be now."""
    part = PARTS[page]()
    return _PART.sub(lambda marks: f"{marks[1]}\n{part}\n\n{marks[2]}", page.read_text("utf-8"))


if __name__ == "__main__":
    for page in PARTS:
        page.write_text(renewed(page), "utf-8")
