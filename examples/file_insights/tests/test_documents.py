import json
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.file_insights.documents import Table, Text, Unusable, read_document

Write = Callable[[str, bytes | str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, body: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(body.encode() if isinstance(body, str) else body)
        return path

    return write


def columns(path: Path) -> dict[str, list[str]]:
    document = read_document(path)
    assert isinstance(document, Table)
    return {name: list(cells) for name, cells in document.columns.items()}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_is_read_by_the_delimiter_it_has(write: Write, delimiter: str) -> None:
    text = "a,b\n1,x\n2,y\n3,z\n".replace(",", delimiter)
    assert columns(write("t.csv", text)) == {"a": ["1", "2", "3"], "b": ["x", "y", "z"]}


def test_ragged_rows_are_filled_up_and_headers_made_different(write: Write) -> None:
    assert columns(write("t.csv", "a,a\n1\n2,3,4\n")) == {
        "a": ["1", "2"],
        "a'": ["", "3"],
        "column 3": ["", "4"],
    }


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        ("Straße,n\nÖ,1\n".encode("cp1252"), "not UTF-8 (byte 4): read as Windows-1252"),
        ("Straße,n\nÖ,1\n".encode("utf-16"), None),
        ("Straße,n\nÖ,1\n".encode("utf-8-sig"), None),
    ],
)
def test_a_table_is_read_in_the_encoding_it_is_in(write: Write, body: bytes, warning: str | None) -> None:
    document = read_document(write("t.csv", body))
    assert isinstance(document, Table)
    assert (dict(document.columns), document.warning) == ({"Straße": ["Ö"], "n": ["1"]}, warning)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"a": 1, "b": None}, {"a": 2, "b": {"c": 3}}]),
        json.dumps({"page": 1, "items": [{"a": 1}, {"a": 2, "b": {"c": 3}}]}),
        '{"a": 1}\n{"a": 2, "b": {"c": 3}}\n',
    ],
)
def test_json_is_a_list_of_objects_wherever_it_is(write: Write, text: str) -> None:
    assert columns(write("t.json", text)) == {"a": ["1", "2"], "b": ["", '{"c": 3}']}


def test_characters_that_no_database_takes_are_left_out(write: Write) -> None:
    assert columns(write("t.csv", "a\0,b\n1\0,2\n")) == {"a": ["1"], "b": ["2"]}
    assert columns(write("t.json", r'[{"a\u0000": "x\ud800", "b": ["\u0000y"]}]')) == {
        "a": ["x"],
        "b": ['["\\u0000y"]'],
    }


def test_a_text_is_a_text(write: Write) -> None:
    assert read_document(write("t.txt", "Hello.\n")) == Text("Hello.\n")


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("t.csv", "", "t.csv is empty"),
        ("t.csv", "a,b\n", "t.csv has no rows below its header"),
        ("t.csv", b"\x89PNG\x00\xff\x00", "t.csv is not text: it has zero bytes"),
        ("t.json", '{"a": [1, 2', "t.json is damaged: "),
        ("t.json", "[" * 100_000, "t.json is nested too deeply"),
        ("t.json", "[1, 2]", "t.json holds no list of objects"),
        ("t.xlsx", b"PK\x03\x04 cut off", "t.xlsx is no Excel file that can be read: "),
        ("t.pdf", b"%PDF", "t.pdf: files of the kind .pdf are not analysed"),
    ],
)
def test_what_can_not_be_used_is_said_in_words(
    write: Write, name: str, body: bytes | str, reason: str
) -> None:
    with pytest.raises(Unusable) as fault:
        read_document(write(name, body))
    assert str(fault.value).startswith(reason)


def test_a_missing_file_is_named_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=f"file not found: {tmp_path}/gone.csv"):
        read_document(tmp_path / "gone.csv")
