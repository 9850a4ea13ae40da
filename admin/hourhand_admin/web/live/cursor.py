"""What a stream has shown so far. As text it is the id of an event, from which another stream can go on.

`12:345:9f86d081884c` is run 12 up to its line 345, in the state of that version; `runs:…` is a topic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

TOPICS = ("runs", "schedules", "services")
_RUN = re.compile(r"([0-9]{1,18}):([0-9]{1,18}):([0-9a-f]{12})?(!?)")
_TOPIC = re.compile(rf"({'|'.join(TOPICS)}):([0-9a-f.]{{1,60}})?")


@dataclass(frozen=True, slots=True)
class Event:
    """`id` says where to go on after it; None for one that is not to be gone on from."""

    name: str
    data: Any
    id: str | None


@dataclass(slots=True)
class Seen:
    """Of one run: its last line, its state, and whether its end was told."""

    line: int = 0
    version: str = ""
    ended: bool = False


@dataclass(slots=True)
class Cursor:
    runs: dict[int, Seen] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, runs: Mapping[int, int], topics: Iterable[str], text: str = "") -> Cursor:
        """For these runs, each from after a line on. `text` is the id of the last event that arrived before;
        what it says of other runs and what cannot be read is left out.
        """
        cursor = cls({run: Seen(line) for run, line in runs.items()}, dict.fromkeys(topics, ""))
        for part in text.split(","):
            cursor._take(part)
        return cursor

    def __str__(self) -> str:
        runs = (f"{run}:{seen.line}:{seen.version}{'!' * seen.ended}" for run, seen in self.runs.items())
        return ",".join((*runs, *(f"{topic}:{version}" for topic, version in self.topics.items())))

    @property
    def wanted(self) -> dict[int, int]:
        """The runs that have not ended, each with the line from after which to go on."""
        return {run: seen.line for run, seen in self.runs.items() if not seen.ended}

    @property
    def over(self) -> bool:
        """Nothing more will come."""
        return not self.topics and not self.wanted

    def advance(self, changes: Mapping[str, Any]) -> Iterator[Event]:
        """What of an answer of `get_changes` is new here. It may say more than was asked for."""
        for run in changes["runs"]:
            seen = self.runs.get(run["id"])
            if seen is not None and not seen.ended:
                yield from self._of_run(run, seen)
        for topic, version in changes["topics"].items():
            if self.topics.get(topic, version) != version:
                self.topics[topic] = version
                yield Event(topic, {"now": changes["now"]}, str(self))

    def _of_run(self, run: dict[str, Any], seen: Seen) -> Iterator[Event]:
        for line in run["logs"]:
            if line["id"] > seen.line:
                seen.line = line["id"]
                yield Event("log", {"run_id": run["id"], **line}, str(self))
        if run["terminal"] and run["more"]:
            return  # its end comes after its lines
        if run["version"] != seen.version:
            seen.version = run["version"]
            yield Event("run", {name: run[name] for name in run if name not in _INSIDE}, str(self))
        if run["terminal"]:
            seen.ended = True
            yield Event("run-end", {"id": run["id"], "status": run["status"]}, str(self))

    def _take(self, part: str) -> None:
        if (found := _RUN.fullmatch(part)) and (run := int(found[1])) in self.runs:
            self.runs[run] = Seen(int(found[2]), found[3] or "", bool(found[4]))
        elif (found := _TOPIC.fullmatch(part)) and found[1] in self.topics:
            self.topics[found[1]] = found[2] or ""


_INSIDE = ("logs", "more", "version")
