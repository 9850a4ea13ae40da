"""Bring hourhand's schema to this version and create the tables: python -m examples.file_insights.setup"""

import sys

from examples.common.database import apply_migrations, connect, reachable_database
from examples.common.show import hourhand, in_words
from examples.file_insights import jobs


def set_up(url: str) -> None:
    hourhand(url, "migrate")
    with connect(url) as db:
        apply_migrations(db, jobs.MIGRATIONS)


def main() -> int:
    with reachable_database() as url:
        set_up(url)
    print("The tables are there.")
    return 0


if __name__ == "__main__":
    sys.exit(in_words(main))
