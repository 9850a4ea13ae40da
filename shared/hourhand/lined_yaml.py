"""YAML that remembers its lines, so that messages can name them.

Keys are texts, as they are written. A value that YAML 1.1 and 1.2 read differently is refused: `no` (false,
or a text), `010` (8 or 10), `12:30` (750, or a text).
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_MOST_CHARACTERS = 1_000_000
_MOST_NODES = 100_000
"""With all that aliases stand for. A file of some thousand schedules has fewer."""


class BadYaml(Exception):  # noqa: N818  (it says what the text is)
    """What is wrong, and the line (from 1) if it is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def load(text: str) -> yaml.Node | None:
    """The one document of the text. Raises BadYaml."""
    if len(text) > _MOST_CHARACTERS:
        raise BadYaml(f"it is longer than {_MOST_CHARACTERS} characters")
    try:
        document = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadYaml(str(error.problem or error.context), mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise BadYaml(" ".join(str(error).split())) from None
    except RecursionError:
        raise BadYaml("it is nested too deeply") from None
    if document is not None:
        _check(document)
    return document


def fields(node: yaml.Node | None, called: str) -> dict[str, yaml.Node]:
    """The values of a mapping by their keys. Raises BadYaml."""
    if not isinstance(node, yaml.MappingNode):
        problem = "empty" if node is None else "not a mapping of names to values"
        raise BadYaml(f"{called} is {problem}", line_of(node))
    _LOADER.flatten_mapping(node)  # what `<<` merges comes before what is written out, which wins
    return {str(key.value): value for key, value in node.value}


def items(node: yaml.Node | None, called: str) -> list[yaml.Node]:
    """The elements of a list. Raises BadYaml."""
    if not isinstance(node, yaml.SequenceNode):
        raise BadYaml(f"{called} is {'missing' if node is None else 'not a list'}", line_of(node))
    return list(node.value)


def text(node: yaml.Node) -> Any:
    """A word, as it is written, where only a text is meant: `007`, `no`; None for null. Raises BadYaml."""
    return node.value if isinstance(node, yaml.ScalarNode) and node.tag != _NULL else value(node)


def value(node: yaml.Node) -> Any:
    """The value of a node, with all that it holds. Raises BadYaml."""
    try:
        return _Loader("").construct_document(node)
    except (yaml.MarkedYAMLError, ValueError) as error:
        problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
        raise BadYaml(str(problem), line_of(node)) from None


def line_of(node: yaml.Node | None) -> int | None:
    return None if node is None else node.start_mark.line + 1


_TAG = "tag:yaml.org,2002:"
_NULL = f"{_TAG}null"
_AMBIGUOUS = {
    "bool": re.compile(r"(?!(true|false)$)", re.IGNORECASE),
    "int": re.compile(r".*:|[-+]?0[0-9_]"),
    "float": re.compile(r".*:"),
}


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = f"{_TAG}str"
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        found = _AMBIGUOUS.get(node.tag.removeprefix(_TAG))
        if found and found.match(str(node.value)):
            instead = "true or false" if node.tag == f"{_TAG}bool" else "a number without zeros or colons"
            raise BadYaml(
                f"{node.value} can be read in two ways: write it in quotes, or {instead}", line_of(node)
            )
        return super().construct_scalar(node)


_LOADER = _Loader("")
_UNKNOWN_TO_DATABASES = re.compile("[\0\ud800-\udfff]")


def _check(node: yaml.Node) -> None:
    """Walk through all nodes below, those that aliases stand for each time again."""
    waiting, seen = [node], 0
    while waiting:
        inner = waiting.pop()
        seen += 1
        if seen > _MOST_NODES:
            raise BadYaml("it is too large, with all that its aliases stand for")
        if isinstance(inner, yaml.ScalarNode) and (wrong := _UNKNOWN_TO_DATABASES.search(inner.value)):
            raise BadYaml(f"it holds {wrong[0]!a}, which no database takes", line_of(inner))
        if isinstance(inner, yaml.SequenceNode):
            waiting += inner.value
        elif isinstance(inner, yaml.MappingNode):
            _refuse_twice(inner)
            waiting += [each for pair in inner.value for each in pair]


def _refuse_twice(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        name = str(key.value)
        if name in seen and name != "<<":
            raise BadYaml(f"{name} is given twice", line_of(key))
        seen.add(name)
