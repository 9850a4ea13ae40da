"""What an alert says, whichever way it goes."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_TITLES = {"alert.opened": "Problem", "alert.recovered": "Over", "alert.test": "Test"}


def link(base: str | None, details: Mapping[str, Any]) -> str | None:
    """The page of the admin that shows what the alert is about."""
    if base is None:
        return None
    if details.get("run_id") is not None:
        return f"{base}/runs/{details['run_id']}"
    if "schedule" in details:
        return f"{base}/schedules/{quote(details['schedule'], safe='')}"
    return f"{base}/"


def title(body: Mapping[str, Any]) -> str:
    """One line."""
    said = " ".join(str(body["summary"]).split())
    return f"[hourhand] {_TITLES[body['event']]}: {said[:150]}"


def text(body: Mapping[str, Any]) -> str:
    """What a person reads."""
    lines = [str(body["summary"]), "", f"Since: {body['opened_at']}"]
    if body["event"] == "alert.recovered":
        lines.append(f"Until: {body['closed_at']}")
    lines += [f"{name}: {value}" for name, value in body["details"].items() if value is not None]
    if body.get("url"):
        lines += ["", str(body["url"])]
    return "\n".join(lines) + "\n"
