"""The lines a run has logged, read on until it has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hourhand.log.lines import printable
from hourhand_admin.terminal import text

if TYPE_CHECKING:
    from hourhand.client import Client

_PAUSE = 0.5
_PAGE = 1000


def written(client: Client, run_id: int, *, follow: bool) -> Iterator[dict[str, Any]]:
    """Each line once, as it is stored. Following ends when the run has ended and every line was read."""
    last = 0
    while True:
        answer = client.call("get_logs", p_run_id=run_id, p_after=last, p_limit=_PAGE)
        yield from answer["logs"]
        if answer["logs"]:
            last = answer["logs"][-1]["id"]
        if len(answer["logs"]) == _PAGE:
            continue
        if answer["terminal"] or not follow:
            return
        time.sleep(_PAUSE)


def shown(line: dict[str, Any]) -> str:
    """A line as a terminal shows it."""
    attempt = f"[attempt {line['attempt']}] " if line["attempt"] > 1 else ""
    at = text.local(text.instant(line["at"]))
    return f"{at}  {line['level']:<7}  {attempt}{printable(line['message'])}"
