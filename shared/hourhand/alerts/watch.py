"""One look a minute at what is wrong, and the delivery of what is to be told."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from hourhand import log
from hourhand.alerts import message
from hourhand.alerts.destinations import Deliver, destinations, ping
from hourhand.alerts.quiet import quiet_until
from hourhand.settings import Settings
from hourhand.transport import Transport

PAUSE = 60.0
"""Seconds between two looks."""

_PAGE = 3
"""Messages taken at a time. Their deliveries end, one way or the other, before the claim does."""

_PATIENCE = 20.0
"""Seconds after which a look takes no more messages: a heartbeat may wait behind it."""


class Watch:
    """Any number of these may work at the same database: one message is claimed by one of them.

    A crash between the delivery and its mark sends it again, with the same idempotency key.
    """

    def __init__(self, transport: Transport, settings: Settings, *, pause: float = PAUSE) -> None:
        self._transport = transport
        self._settings = settings
        self._deliver: dict[str, Deliver] = destinations(settings)
        self._pause = pause
        self._next = float("-inf")

    @property
    def destinations(self) -> list[str]:
        """The names of those that are configured."""
        return sorted(self._deliver)

    def step(self) -> float:
        """Looks if it is time; seconds until it is again. Raises the TransportErrors."""
        if (wait := self._next - monotonic()) > 0:
            return wait
        self._next = monotonic() + self._pause
        self.look()
        return self._pause

    def look(self) -> None:
        """Looks for what is wrong, and delivers what is due. Raises the TransportErrors."""
        settings = self._settings
        answer = self._transport.call(
            "watch",
            {
                "p_destinations": self.destinations,
                "p_rules": {
                    "failures": settings.alert_failures,
                    "late_s": settings.alert_late.total_seconds(),
                    "backlog_s": settings.alert_backlog.total_seconds(),
                    "slow": settings.alert_slow,
                },
                "p_quiet_until": quiet_until(settings.alert_quiet, settings.cron_timezone, datetime.now(UTC)),
            },
        )
        deadline = monotonic() + _PATIENCE
        more = bool(answer["waiting"])
        while more and monotonic() < deadline:
            more = self.deliver() == _PAGE

    def deliver(self) -> int:
        """Delivers a page of what is due; how many messages that were. Raises the TransportErrors."""
        claimed = {"p_destinations": self.destinations, "p_max": _PAGE}
        messages = self._transport.call("claim_messages", claimed)["messages"]
        for each in messages:
            error = self._try(each)
            # One by one: what a crash leaves unmarked is one message.
            self._transport.call("settle_messages", {"p_results": [{"id": each["id"], "error": error}]})
        return len(messages)

    def _try(self, sent: Mapping[str, Any]) -> str | None:
        """What went wrong, if something did."""
        kind, destination = sent["kind"], sent["destination"]
        deliver: Callable[[Mapping[str, Any]], None] = self._deliver.get(destination, ping)
        url = message.link(self._settings.admin_url, sent["body"].get("details", {}))
        complete = sent if destination == "ping" else {**sent, "body": {**sent["body"], "url": url}}
        try:
            deliver(complete)
        except Exception as error:  # noqa: BLE001  (a destination stops no other, and no daemon)
            said = f"{error}" if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            log.event(
                "alert.undelivered",
                "WARNING",
                f"a message to {destination} could not be delivered: {said}",
                destination=destination,
                kind=kind,
                message_id=sent["id"],
            )
            return said
        log.event("alert.sent", "INFO", "", destination=destination, kind=kind, message_id=sent["id"])
        return None
