"""What a file of schedules changes in the database, and changing it: by name, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hourhand.errors import BadInput, BadScheduleFile
from hourhand.schedule_file import Entry
from hourhand.schedule_rows import BY_HAND, DEFAULTS, FIELDS, Row, canonical

if TYPE_CHECKING:
    from hourhand.client import Client

Action = Literal["create", "change", "unchanged", "delete", "only in database"]

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one schedule; `fields` are those that differ, with the old and the new value."""

    name: str
    action: Action
    fields: Mapping[str, tuple[Any, Any]]

    @property
    def row(self) -> dict[str, Any]:
        """As the function `put_schedules` takes it."""
        return {"name": self.name, **{field: new for field, (_, new) in self.fields.items()}}


def compare(client: Client, entries: Sequence[Entry], *, prune: bool = False) -> list[Change]:
    """By name in the order of the file, then those that only the database has."""
    stored = {row["name"]: row for row in stored_rows(client)}
    zone = str(client.settings.cron_timezone)
    changes = [_compared(entry, stored.pop(entry.name, None), zone) for entry in entries]
    rest: Action = "delete" if prune else "only in database"
    return [*changes, *(Change(name, rest, {}) for name in stored)]


def apply(client: Client, changes: Sequence[Change], *, dry_run: bool = False) -> None:
    """Make these changes, all or none of them; deletions last. Raises BadScheduleFile.

    A dry run only lets the database say what it thinks of them.
    """
    rows = [change.row for change in changes if change.action in ("create", "change")]
    if rows:
        _put(client, rows, **({"p_dry_run": True} if dry_run else {}))
    for change in changes:
        if change.action == "delete" and not dry_run:
            client.schedules.delete(change.name)


def _put(client: Client, rows: Sequence[dict[str, Any]], **options: bool) -> None:
    try:
        client.call("put_schedules", p_schedules=rows, **options)
    except BadInput as error:
        raise BadScheduleFile(f"the database refuses it: {error}", error.hint) from None


def stored_rows(client: Client) -> Iterator[Row]:
    """All schedules, by name."""
    after = ""
    while True:
        page = client.call("list_schedules", p_limit=_PAGE, p_after=after)["schedules"]
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1]["name"]


def _compared(entry: Entry, stored: Row | None, zone: str) -> Change:
    if stored is None:
        given = {
            field: (None, value)
            for field, value in entry.row.items()
            if field != "name" and value is not None
        }
        return Change(entry.name, "create", given)
    wanted = dict(_wanted(entry.row, stored, zone))
    differing = {
        field: (stored[field], value)
        for field, value in wanted.items()
        if canonical(field, stored[field]) != canonical(field, value)
    }
    return Change(entry.name, "change" if differing else "unchanged", differing)


def _wanted(row: Row, stored: Row, zone: str) -> Iterator[tuple[str, Any]]:
    """The value that each field is to have; those that stay as they are left out."""
    for field in FIELDS:
        if field in row:
            # Null stands for the default here too.
            value = row[field]
            yield field, DEFAULTS[field] if value is None else value
        elif field == "timezone" and stored[field] == zone:
            continue  # the scheduler has written the default
        elif field not in BY_HAND:
            yield field, DEFAULTS[field]
