"""Files as people really upload them: a path in, a table or a text out, or one sentence that says why not."""

# ruff: noqa: N818  (the name says what happened)

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from examples.news.feed import storable

LARGEST = 50 * 1024 * 1024  # bytes
TABLES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson"})
BOOKS = frozenset({".xlsx", ".xlsm"})
TEXTS = frozenset({".txt", ".md", ".log", ""})


class Unusable(ValueError):
    """The file itself can't be analysed; trying again changes nothing."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name, each with a cell per row; a cell is the text that a person would read."""

    columns: Mapping[str, Sequence[str]]
    warning: str | None = None

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()), ()))


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    warning: str | None = None


def read_document(path: Path) -> Table | Text:
    """Read a CSV, Excel, JSON or text file.

    Raises Unusable with a reason, OSError when it can't be read now.
    """
    kind = path.suffix.lower()
    if kind not in TABLES | BOOKS | TEXTS:
        raise Unusable(
            f"{path.name}: files of the kind {kind} are not analysed, only CSV, Excel, JSON and text"
        )
    body = _bytes(path)
    if kind in BOOKS:
        return _filled(path, _book(path, body))
    text, warning = _decoded(path.name, body)
    text = storable(text)
    if not text.strip():
        raise Unusable(f"{path.name} is empty")
    if kind in TEXTS:
        return Text(text, warning)
    read = _csv if kind in {".csv", ".tsv"} else _json
    return _filled(path, Table(_columns(read(path.name, text)), warning))


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise Unusable(f"{path.name} is larger than {LARGEST // 1024 // 1024} MB")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Unusable(f"file not found: {path}") from error
    except IsADirectoryError as error:
        raise Unusable(f"{path} is a directory, not a file") from error


def _decoded(name: str, body: bytes) -> tuple[str, str | None]:
    """Decode by byte order mark, else as UTF-8, else as Windows-1252 with a warning."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace"), None
    try:
        return body.decode("utf-8-sig"), None
    except UnicodeDecodeError as fault:
        if b"\x00" in body:
            raise Unusable(f"{name} is not text: it has zero bytes") from fault
        warning = f"not UTF-8 (byte {fault.start}): read as Windows-1252"
        return body.decode("cp1252", "replace"), warning


def _filled(path: Path, table: Table) -> Table:
    if not table.columns or not table.rows:
        raise Unusable(f"{path.name} has no rows below its header")
    return table


# --- Kinds of files: each gives rows of cells, the header first ---

_Rows = Iterable[Sequence[str]]


def _csv(name: str, text: str) -> _Rows:
    sample = text[:10_000]
    try:
        dialect: csv.Dialect | type[csv.Dialect] = csv.Sniffer().sniff(sample, delimiters=",;\t|")
    except csv.Error:  # a single column
        dialect = csv.excel
    try:
        return list(csv.reader(io.StringIO(text, newline=""), dialect))
    except csv.Error as fault:
        raise Unusable(f"{name} is no CSV that can be read: {fault}") from fault


def _json(name: str, text: str) -> _Rows:
    try:
        records = _records(_parsed(name, text))
    except RecursionError as fault:
        raise Unusable(f"{name} is nested too deeply") from fault
    if not records:
        raise Unusable(f"{name} holds no list of objects")
    header = list(dict.fromkeys(key for record in records for key in record))
    rows = ([_cell(record.get(key)) for key in header] for record in records)
    return [[storable(key) for key in header], *rows]


def _parsed(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as fault:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            raise Unusable(f"{name} is damaged: {fault}") from fault


def _records(value: object) -> list[dict[str, object]]:
    """Find the list of objects: the value itself, or the longest one within it."""
    if isinstance(value, list):
        return [entry for entry in value if isinstance(entry, dict)]
    if isinstance(value, dict):
        return max((_records(entry) for entry in value.values()), key=len, default=[])
    return []


def _book(path: Path, body: bytes) -> Table:
    """Read the first sheet that has any rows."""
    try:
        book = load_workbook(io.BytesIO(body), read_only=True, data_only=True)
        sheets = [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as fault:
        raise Unusable(f"{path.name} is no Excel file that can be read: {fault}") from fault
    rows = next((sheet for sheet in sheets if len(sheet) > 1), [])
    return Table(_columns([[_cell(value) for value in row] for row in rows]))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return storable(json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value))


def _columns(rows: _Rows) -> dict[str, list[str]]:
    """Turn rows into columns; short rows are filled up, and columns without a name get one."""
    header, *body = [row for row in rows if any(cell.strip() for cell in row)] or [[]]
    width = max(map(len, (header, *body)))
    columns: dict[str, list[str]] = {}
    for number in range(width):
        name = (header[number].strip() if number < len(header) else "") or f"column {number + 1}"
        while name in columns:
            name += "'"
        columns[name] = [row[number].strip() if number < len(row) else "" for row in body]
    return columns
