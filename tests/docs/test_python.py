"""The Python API in the reference is the one that can be imported, and its examples are modules."""

import ast
import inspect
import random
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import hourhand
from hourhand import errors
from tests.docs.markdown import ROOT, Block, blocks, code, rows, sections

_PAGE = ROOT / "docs" / "reference" / "python.md"
_SECTIONS = sections(_PAGE, 2)
_HOMES = (
    "hourhand",
    "hourhand.fleets",
    "hourhand.run",
    "hourhand.runs",
    "hourhand.schedules",
    "hourhand.timetable",
    "hourhand.testing",
)
# What a worker calls, and its own tasks.
_INTERNAL = {"Run": {"row", "stop", "write_log", "write_progress", "advance"}, "Client": {"transport"}}


def _real(name: str) -> Any:
    return next(getattr(module, name) for home in _HOMES if hasattr(module := import_module(home), name))


def _stub(section: str) -> ast.stmt | None:
    found = re.search(r"```python\n((?:def|class) .*?)```", section, re.DOTALL)
    return ast.parse(found[1]).body[0] if found else None


STUBS = {name: stub for name, text in _SECTIONS.items() if (stub := _stub(text))}


def _told(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[str, str, str | None]]:
    """Name, kind and default of each parameter in a stub."""
    namespace: dict[str, Any] = {"random": random.random}  # stands for whatever function is the default
    exec(f"def f({ast.unparse(function.args)}): ...", namespace)
    return _parameters(namespace["f"])


def _parameters(function: Any) -> list[tuple[str, str, str | None]]:
    return [
        (
            each.name,
            _kind(each),
            None if each.default is each.empty or callable(each.default) else repr(each.default),
        )
        for each in inspect.signature(function).parameters.values()
    ]


def _kind(parameter: inspect.Parameter) -> str:
    """Whether some parameters can only be given by place is nothing for the reader of the reference."""
    named = (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    return "any" if parameter.kind in named else parameter.kind.name


def _members(stub: ast.ClassDef) -> set[str]:
    names = {node.name for node in stub.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    names |= {ast.unparse(node.target) for node in stub.body if isinstance(node, ast.AnnAssign)}
    return names | {ast.unparse(node.targets[0]) for node in stub.body if isinstance(node, ast.Assign)}


def test_everything_public_is_there() -> None:
    assert set(_SECTIONS) >= set(hourhand.__all__) - {"__version__"}
    told = {word for text in (*_SECTIONS.values(), _PAGE.read_text("utf-8")) for word in code(text)} | set(
        _SECTIONS
    )
    assert told >= set(import_module("hourhand.testing").__all__) - {"Enqueued"}


@pytest.mark.parametrize("name", STUBS)
def test_it_is_called_as_the_reference_says(name: str) -> None:
    stub, real = STUBS[name], _real(name)
    if isinstance(stub, ast.FunctionDef):
        assert _told(stub) == _parameters(real)
        return
    assert isinstance(stub, ast.ClassDef)
    for node in stub.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            method = getattr(real, node.name)
            assert _told(node) == _parameters(method), node.name
            assert isinstance(node, ast.AsyncFunctionDef) == inspect.iscoroutinefunction(method)
    for node in stub.body:
        if isinstance(node, ast.Assign) and hasattr(real, name := ast.unparse(node.targets[0])):
            assert ast.literal_eval(node.value) == getattr(real, name)
    public = {member for member in vars(real) if not member.startswith("_")} - _INTERNAL.get(name, set())
    assert public <= _members(stub)


def test_every_error_is_there_with_its_exit_code() -> None:
    table = {code(row[0])[0]: int(row[1]) for row in rows(_PAGE.read_text("utf-8")) if row[1].isdecimal()}
    kinds = {kind.__name__: kind for kind in vars(errors).values() if isinstance(kind, type)}
    del kinds["HourhandError"]
    assert table == {
        name: kind.exit_code for name, kind in kinds.items() if issubclass(kind, errors.HourhandError)
    }


# --- Examples ---

EXAMPLES = [
    pytest.param(block, id=f"{page.name}:{block.line}")
    for page in (
        ROOT / "README.md",
        ROOT / "docs" / "tutorial.md",
        *(ROOT / "docs" / "reference").glob("*.md"),
    )
    for block in blocks(page, "python")
    if page != _PAGE or block.file
]


@pytest.mark.parametrize("block", EXAMPLES)
def test_every_example_is_a_module(block: Block, tmp_path: Path) -> None:
    assert block.file is not None, "the first line names the file: # tasks.py"
    module = tmp_path / block.file
    module.write_text(block.text, "utf-8")
    # What speaks with a database runs where the walks have one.
    how = ["-m", "py_compile"] if "Client()" in block.text else []
    subprocess.run([sys.executable, "-W", "error", *how, str(module)], cwd=tmp_path, check=True, timeout=60)
