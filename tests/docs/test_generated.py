"""Settings and commands in the reference are those of the program."""

from pathlib import Path

import pytest

from hourhand.settings import REFERENCE
from tests.docs.generated import PARTS, every_command, renewed, shown_options
from tests.docs.markdown import code, rows, sections

_PAGES = {page.stem: page for page in PARTS}


@pytest.mark.parametrize("page", PARTS, ids=lambda page: page.stem)
def test_the_reference_says_what_the_program_says(page: Path) -> None:
    assert page.read_text("utf-8") == renewed(page), "write it anew: python -m tests.docs.generated"


def test_every_setting_has_its_row() -> None:
    named = {name for row in rows(_PAGES["settings"].read_text("utf-8")) for name in code(row[0])}
    assert named == {name for row in REFERENCE for name in row.names}


def test_every_command_has_its_section_with_all_its_options() -> None:
    documented = sections(_PAGES["commands"], 2)
    for path, context in every_command():
        told = {
            word for row in rows(documented[path]) for word in row[0].strip("`").replace(",", " ").split()
        }
        for option in shown_options(context):
            assert told >= {*option.opts, *option.secondary_opts}, path
