"""A schedule while somebody edits it: what was typed, what it means, and what it would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hourhand.errors import BadSchedule
from hourhand.schedule_rows import DEFAULTS
from hourhand.timetable import BadTiming, validate
from hourhand_admin.terminal.schema import before_items
from hourhand_admin.web.look.times import instant
from hourhand_admin.web.look.times import zone as zone_of
from hourhand_admin.web.scheduling import payload, values
from hourhand_admin.web.scheduling.values import KINDS, Row

_TIMING = ("kind", *KINDS, "anchor", "timezone", "dst_gap", "dst_overlap", "exclude", "starts_at", "ends_at")
_SEEN_AS = {"kind": "timing", "run_at": "once, at"}


@dataclass(slots=True)
class Draft:
    """`original` is the row that is edited, None for a new schedule. `texts` are what the form shows."""

    texts: dict[str, str]
    default_zone: str
    now: str
    original: Row | None = None
    task: Row | None = None
    payload_as: str = "fields"
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        """The zone in which the form's local times are; the default while there is no such zone."""
        name = self.texts.get("timezone") or self.default_zone
        return name if zone_of(name) is not None else self.default_zone

    @property
    def kind(self) -> str:
        kind = self.texts.get("kind", "")
        return kind if kind in KINDS else "cron"

    # --- The payload ---

    @property
    def fields(self) -> list[payload.Field]:
        """The fields of the payload; none where it is written as JSON."""
        found = payload.fields(self.task["schema"] if self.task else None)
        return found if self.payload_as == "fields" else []

    @property
    def has_fields(self) -> bool:
        return bool(payload.fields(self.task["schema"] if self.task else None))

    @property
    def payload(self) -> Any:
        """What was filled in, as far as it can be read."""
        if self.fields:
            return payload.read(self.fields, self.texts)[0]
        try:
            return payload.read_whole(self.texts.get(payload.WHOLE, ""))
        except ValueError:
            return {}

    @property
    def payload_is_readable(self) -> bool:
        """Whether all that was typed can be shown in another way."""
        if self.fields:
            return not payload.read(self.fields, self.texts)[1]
        try:
            payload.read_whole(self.texts.get(payload.WHOLE, ""))
        except ValueError:
            return False
        return True

    def show_payload(self, value: Any) -> None:
        """Put a payload into the form: in fields where they can show all of it."""
        found = payload.fields(self.task["schema"] if self.task else None)
        self.payload_as = "fields" if payload.fits(found, value) else "json"
        if self.payload_as == "fields":
            self.texts |= payload.texts(found, value)
        else:
            self.texts[payload.WHOLE] = payload.pretty(value)

    # --- What it means ---

    def row(self) -> dict[str, Any]:
        """The columns that differ from the original, or the defaults; `errors` says what cannot be read."""
        self.errors = {}
        before = self._before()
        row = {
            name: self._value(name)
            for name in values.FIELDS
            if name not in KINDS and self.texts.get(name, "") != before.get(name, "")
        }
        row |= self._timing(before)
        row |= self._payload_row()
        self._check(row)
        return {name: value for name, value in row.items() if name not in self.errors}

    def whole_row(self) -> dict[str, Any]:
        """The row as it would be, for a timetable: with what cannot be read left as it was."""
        return {**(self.original or {**DEFAULTS, "created_at": self.now}), **self.row()}

    @property
    def refused(self) -> str:
        """What is wrong with the timing, once `row` was asked for."""
        return next((self.errors[name] for name in _TIMING if name in self.errors), "")

    def changes(self) -> list[tuple[str, str, str]]:
        """Field, old text and new text of all that differs."""
        before, after = self._before(), self.texts
        if self.kind != before.get("kind"):
            before, after = {**before, "kind": _words(before)}, {**after, "kind": _words(after)}
        found = [
            (_SEEN_AS.get(name, name.replace("_", " ")), before.get(name, ""), after.get(name, ""))
            for name in ("kind", *values.FIELDS)
            if before.get(name, "") != after.get(name, "") and (name not in KINDS or name == self.kind)
        ]
        old = payload.pretty(self.original["payload"]) if self.original else ""
        new = payload.pretty(self._payload_value())
        return [*found, *([("payload", old, new)] if old != new and (self.original or new != "{}") else [])]

    def _before(self) -> dict[str, str]:
        if self.original is None:
            return values.blank()
        return values.texts(self.original, self.original["timezone"] or self.default_zone)

    def _value(self, name: str) -> Any:
        try:
            return values.read(name, self.texts.get(name, ""), self.zone)
        except BadSchedule as error:
            self.errors[name] = _told(error)
        except (ValueError, OverflowError) as error:
            self.errors[name] = str(error)
        return None

    def _timing(self, before: Mapping[str, str]) -> dict[str, Any]:
        kind = self.kind
        if self.original and kind == before.get("kind") and self.texts.get(kind) == before.get(kind):
            return {}
        others = {other: None for other in KINDS if other != kind} if self.original else {}
        if not self.texts.get(kind):
            self.errors[kind] = "this is needed"
        return {
            **others,
            kind: self._value(kind),
            **({"anchor": None} if self.original and kind != "every" else {}),
        }

    def _payload_value(self) -> Any:
        """The original where nothing was typed: what the fields do not show is kept."""
        original = self.original["payload"] if self.original else None
        found = self.fields
        if (
            original is not None
            and payload.fits(found, original)
            and all(self.texts.get(name, "") == text for name, text in payload.texts(found, original).items())
        ):
            return original
        return self.payload

    def _payload_row(self) -> dict[str, Any]:
        if self.fields:
            self.errors |= payload.read(self.fields, self.texts)[1]
        else:
            try:
                payload.read_whole(self.texts.get(payload.WHOLE, ""))
            except ValueError as error:
                self.errors[payload.WHOLE] = str(error)
        value = self._payload_value()
        schema = self.task["schema"] if self.task else None
        if self.texts.get("rank_intervals") and "rank_intervals" not in self.errors:
            schema = before_items(schema)
        known = payload.problems(schema, value, bool(self.fields))
        self.errors = {**known, **self.errors}
        original = self.original["payload"] if self.original else {}
        return {} if value == original else {"payload": value}

    def _check(self, row: Mapping[str, Any]) -> None:
        for name in ("name", "task"):
            if not self.texts.get(name):
                self.errors.setdefault(name, "this is needed")
        if self.original is None or any(name in row for name in _TIMING):
            self._check_timing(row)

    def _check_timing(self, row: Mapping[str, Any]) -> None:
        if any(name in self.errors for name in _TIMING):
            return
        before = self.original or {**DEFAULTS, "created_at": self.now}
        try:
            validate({**before, **row, "name": self.texts.get("name")}, self.default_zone, instant(self.now))
        except BadTiming as error:
            self.errors.setdefault(error.field, _told(error))
        except BadSchedule as error:
            self.errors.setdefault(self.kind, _told(error))


def _told(error: BadSchedule) -> str:
    return f"{error.message}: {error.hint}" if error.hint else error.message


def _words(texts: Mapping[str, str]) -> str:
    kind = texts.get("kind", "")
    name = {"cron": "cron", "every": "every", "run_at": "once, at"}.get(kind, "")
    return f"{name} {texts.get(kind, '')}".strip()
