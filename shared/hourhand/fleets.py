"""`client.fleets`: the items of schedules with `rank_intervals`, each due by its rank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict

from hourhand.hopping import Face, hopped
from hourhand.payloads import plain
from hourhand.records import FleetRecord

if TYPE_CHECKING:
    from hourhand.caller import Caller

Removal = Literal["removed", "ranked"]

_A_CALL = 1000


class Item(TypedDict, total=False):
    """What is left out stays as it is. `rank` is 1 to 100; of those of several owners the highest counts."""

    item: Required[str]
    rank: int
    owner: str
    payload: Mapping[str, Any]
    due_at: datetime


class Fleets:
    """Keeps the items of fleets. A schedule is called by its name or id. All raise NotFound."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def items(
        self,
        schedule: str,
        *,
        item: str | None = None,
        owner: str | None = None,
        search: str | None = None,
        limit: int = 1000,
    ) -> FleetRecord:
        """The items that match all that is given, the next due first; `search` is a part of the name."""
        matching = {"item": item, "owner": owner, "search": search}
        given = {key: value for key, value in matching.items() if value is not None}
        answer = self._caller.call("list_items", p_schedule=str(schedule), p_filter=given, p_limit=limit)
        return FleetRecord.model_validate(answer)

    def set(self, schedule: str, items: Iterable[Item]) -> Counter[str]:
        """Add or change items; how many were created, changed and unchanged.

        A new item is first due at a moment of its own within its interval, so that an import does not come
        due all at once. Each thousand is one transaction. Raises BadInput.
        """
        counts: Counter[str] = Counter()
        for chunk in _chunks({name: plain(value) for name, value in item.items()} for item in items):
            counts.update(self._caller.call("set_items", p_schedule=str(schedule), p_items=chunk))
        return counts

    def remove(self, schedule: str, item: str, owner: str | None = None) -> Removal:
        """Take an item away, or one owner's rank if others rank it too. A live run of it goes on."""
        answer = self._caller.call("remove_item", p_schedule=str(schedule), p_item=item, p_owner=owner)
        outcome: Removal = answer["outcome"]
        return outcome


class AsyncFleets(Face[Fleets]):
    items = hopped(Fleets.items)
    set = hopped(Fleets.set)
    remove = hopped(Fleets.remove)


def _chunks(items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while chunk := list(islice(items, _A_CALL)):
        yield chunk
