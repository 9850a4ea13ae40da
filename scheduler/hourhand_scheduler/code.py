"""Schedules as code: the file that HOURHAND_SCHEDULES names.

What reads it is imported where there is one: it would be a tenth of the scheduler's memory.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hourhand.errors import HourhandError
from hourhand.settings import Settings
from hourhand_scheduler.journal import Journal

if TYPE_CHECKING:
    from hourhand.schedule_file import Entry


class Code:
    """The file is read at once, so that one that is broken is told before anything is contacted.

    Raises BadScheduleFile. Without a file there is nothing to do.
    """

    def __init__(self, settings: Settings, journal: Journal, application_name: str) -> None:
        self._settings = settings
        self._journal = journal
        self._application_name = application_name
        self._entries = self._read()

    def apply(self) -> None:
        """Raises BadScheduleFile when the database refuses it, and the TransportErrors."""
        if self._settings.schedules is None:
            return
        from hourhand.client import Client
        from hourhand.schedule_changes import apply, compare

        with Client(settings=self._settings, application_name=self._application_name) as client:
            changes = compare(client, self._entries)
            apply(client, changes)
        self._journal.applied(self._settings.schedules, changes)

    def reload(self) -> None:
        """Apply the file as it is now; one that is broken changes nothing."""
        try:
            self._entries = self._read()
            self.apply()
        except HourhandError as error:
            self._journal.not_applied(error)

    def _read(self) -> "Sequence[Entry]":
        file = self._settings.schedules
        if file is None:
            return []
        from hourhand.schedule_file import read

        return read(file, str(self._settings.cron_timezone))
