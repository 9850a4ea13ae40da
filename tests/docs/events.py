"""Every event that the code writes: the names that reach `log.event`."""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.docs.markdown import ROOT

_NAME = re.compile(r"[a-z]+(\.[a-z_]+)+")
_SOURCES = ("shared", "scheduler", "worker", "admin")


def written() -> set[str]:
    modules = chain.from_iterable((ROOT / source).rglob("*.py") for source in _SOURCES)
    return set(chain.from_iterable(map(_in_module, modules)))


def _in_module(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for function in functions:
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and _called(call) in ("event", "events") and call.args:
                yield from _names(call.args[0], function)


def _called(call: ast.Call) -> str | None:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return None


def _names(argument: ast.expr, function: ast.AST) -> Iterator[str]:
    """What it says; for a variable, all names that the function around it mentions."""
    inside = function if isinstance(argument, ast.Name) else argument
    for node in ast.walk(inside):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
            yield node.value
