"""Files of fleet items: YAML (a list, or a mapping with `items`) or CSV with a line of headings."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourhand.errors import BadScheduleFile

if TYPE_CHECKING:
    from hourhand.fleets import Item

FIELDS = ("item", "rank", "owner", "payload", "due")
_NAMES = ("item", "owner")
_HINT = "An item has the fields item, rank, owner, payload and due. Nothing was changed."
_MOST_TOLD = 20

Raw = tuple[int, dict[str, Any]]
"""The line of an item, and what stands there."""


def read(path: Path) -> list[Item]:
    """Raises BadScheduleFile, with everything that is wrong and its lines."""
    problems: list[str] = []
    items: list[Item] = []
    for line, raw in _raw(path):
        try:
            items.append(_item(raw))
        except ValueError as error:
            problems.append(f"{path}:{line}: {error}")
    if problems:
        more = [f"and {len(problems) - _MOST_TOLD} more"] if len(problems) > _MOST_TOLD else []
        raise BadScheduleFile("\n".join([*problems[:_MOST_TOLD], *more]), _HINT)
    return items


def _raw(path: Path) -> list[Raw]:
    from hourhand.lined_yaml import BadYaml

    try:
        text = path.read_text(encoding="utf-8-sig")
        return list(_from_csv(text) if path.suffix.lower() == ".csv" else _from_yaml(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadScheduleFile(f"{path} cannot be read: {error}", _HINT) from None
    except BadYaml as error:
        where = f":{error.line}" if error.line else ""
        raise BadScheduleFile(f"{path}{where}: {error}", _HINT) from None


def _from_csv(text: str) -> Iterator[Raw]:
    lines = StringIO(text, newline="")
    reader = csv.DictReader(lines, skipinitialspace=True, restkey="a column without heading")
    for row in reader:
        yield reader.line_num, {name: value for name, value in row.items() if value not in (None, "")}


def _from_yaml(text: str) -> Iterator[Raw]:
    from yaml import MappingNode

    from hourhand import lined_yaml

    document = lined_yaml.load(text)
    if isinstance(document, MappingNode):
        document = lined_yaml.fields(document, "the file").get("items")
    for node in lined_yaml.items(document, "the file, or its `items`,"):
        fields = lined_yaml.fields(node, "an item")
        yield (
            node.start_mark.line + 1,
            {
                name: (lined_yaml.text if name in _NAMES else lined_yaml.value)(each)
                for name, each in fields.items()
            },
        )


def _item(raw: dict[str, Any]) -> Item:
    """Raises ValueError."""
    if unknown := raw.keys() - set(FIELDS):
        raise ValueError(f"there is no field {', '.join(sorted(unknown))}")
    name = raw.get("item")
    if not isinstance(name, str) or not name.strip():
        raise ValueError("item is missing: what the item is called")
    item: Item = {"item": name}
    if raw.get("rank") is not None:
        item["rank"] = _rank(raw["rank"])
    if raw.get("owner") is not None:
        item["owner"] = str(raw["owner"])
    if raw.get("payload") is not None:
        item["payload"] = _payload(raw["payload"])
    if raw.get("due") is not None:
        item["due_at"] = _due(raw["due"])
    return item


def _rank(value: object) -> int:
    try:
        rank = int(str(value))
    except ValueError:
        rank = 0
    if 1 <= rank <= 100:
        return rank
    raise ValueError(f"rank {value!r} is not a whole number from 1 to 100")


def _payload(value: object) -> dict[str, Any]:
    try:
        payload = (
            json.loads(value) if isinstance(value, str) else json.loads(json.dumps(value, allow_nan=False))
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"payload: {error}") from None
    if isinstance(payload, dict):
        return payload
    raise ValueError("payload is not an object")


def _due(value: object) -> datetime:
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"due {value!r} is not a time: write 2026-12-24T18:00Z") from None
    return at.astimezone()
