"""How a bad timing is refused: which field, where in its text, why, and what to try."""

from hourhand.errors import BadSchedule


class BadTiming(BadSchedule):
    """A schedule's timing cannot be used.

    `field` is the column of the schedule (`cron`, `timezone`, …), `part` the field inside a cron expression
    (`minute`, …) and `position` the offset of the first wrong character in the text, from 0.
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        field: str,
        part: str | None = None,
        position: int | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.field = field
        self.part = part
        self.position = position
