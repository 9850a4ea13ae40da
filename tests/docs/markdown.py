"""Reads what the documents hold: blocks of code, headings, tables and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FILE = re.compile(r"# (\S+\.py)\n")


@dataclass(frozen=True)
class Block:
    """A fenced block and the line it starts at."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The name that the first line of a module gives: `# tasks.py`."""
        named = _FILE.match(self.text)
        return named[1] if named else None


def pages() -> list[Path]:
    """Every document of the repository."""
    found = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("*/README.md"),
        *ROOT.glob("examples/*/README.md"),
    ]
    return sorted(page for page in found if ".venv" not in page.parts)


def blocks(page: Path, *languages: str) -> list[Block]:
    text = page.read_text("utf-8")
    found = [
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 1) for match in _FENCED.finditer(text)
    ]
    return [block for block in found if block.language in languages]


def prose(page: Path) -> str:
    """The text without its blocks."""
    return _FENCED.sub("", page.read_text("utf-8"))


def headings(page: Path) -> list[str]:
    return [match[2] for match in _HEADING.finditer(prose(page))]


def anchors(page: Path) -> set[str]:
    """The names by which links reach the headings."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings(page))
    return {text.replace(" ", "-") for text in words}


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def sections(page: Path, level: int) -> dict[str, str]:
    """What stands under each heading of this level, up to the next of the same or a higher level."""
    text = page.read_text("utf-8")
    bare = _FENCED.sub(
        lambda match: re.sub(r"[^\n]", " ", match[0]), text
    )  # a comment in a block is no heading
    starts = [(match.start(), match.end(), len(match[1]), match[2]) for match in _HEADING.finditer(bare)]
    ends = [*(start for start, *_ in starts[1:]), len(text)]
    found: dict[str, str] = {}
    current = None
    for (_, after, depth, title), end in zip(starts, ends, strict=True):
        if depth <= level:
            current = title if depth == level else None
        if current is not None:
            found[current] = found.get(current, "") + text[after:end]
    return found


def rows(text: str) -> Iterator[list[str]]:
    """The rows of the tables in a text, without their heads."""
    inside = False
    for line in text.splitlines():
        if not line.startswith("|"):
            inside = False
        elif re.fullmatch(r"\|[-|: ]+\|", line):
            inside = True
        elif inside:
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def code(text: str) -> list[str]:
    """What stands between backticks, blocks left out."""
    return re.findall(r"`([^`]+)`", _FENCED.sub("", text))
