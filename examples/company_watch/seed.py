"""The users, companies and preferences of the example."""

from datetime import timedelta
from pathlib import Path

import yaml

from examples.common.database import Connection
from examples.company_watch import store
from hourhand import Client
from hourhand.fleets import Item

PREFERENCES = Path(__file__).parent / "preferences.yaml"
EARLIER = timedelta(days=1)


def seed(db: Connection, client: Client, site: str) -> None:
    """Add them, with their job pages on `site`; every company is due at once, the highest rank first."""
    users = yaml.safe_load(PREFERENCES.read_text("utf-8"))
    for user in users:
        store.put_user(db, user["email"], user["wishes"], user["places"])
    ranked = [(key, user["email"], rank) for user in users for key, rank in user["ranks"].items()]
    for key in {key for key, _, _ in ranked}:
        store.put_company(db, key, key.replace("-", " ").title(), f"{site}/{key}/jobs.html")
    now = client.now()
    items = [
        Item(item=key, owner=email, rank=rank, due_at=now - EARLIER * rank / 100)
        for key, email, rank in ranked
    ]
    client.fleets.set(store.SCHEDULE, items)
