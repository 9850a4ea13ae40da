"""A form that was refused: its page shows it once more, filled in, and says at the field what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hourhand.errors import Conflict, HourhandError, NotFound

_STATUS: tuple[tuple[type[HourhandError], int], ...] = ((Conflict, 409), (NotFound, 404))


@dataclass(frozen=True, slots=True)
class Refusal:
    """`form` is its name on the page. `field` is empty where the form as a whole is wrong."""

    form: str
    texts: Mapping[str, str]
    field: str
    told: str
    status: int

    @classmethod
    def of(cls, form: str, texts: Mapping[str, str], error: HourhandError) -> Refusal:
        """Messages name the field first, as in "rank: a whole number is wanted"."""
        field, colon, told = error.message.partition(": ")
        if not colon or field not in texts:
            field, told = "", error.message
        told = f"{told}. {error.hint}" if error.hint else told
        kept = {name: text for name, text in texts.items() if name != "password"}
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 422)
        return cls(form, kept, field, told, status)
