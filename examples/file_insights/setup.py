"""Bring hourhand's schema to this version and create the tables: python -m examples.file_insights.setup"""

import sys

from examples.common.database import apply_migrations, connect, reachable_database
from examples.common.show import hourhand, told
from examples.file_insights import jobs
from hourhand.errors import HourhandError


def set_up(url: str) -> None:
    hourhand(url, "migrate")
    with connect(url) as db:
        apply_migrations(db, jobs.MIGRATIONS)


def main() -> int:
    try:
        with reachable_database() as url:
            set_up(url)
    except HourhandError as error:
        return told(error)
    print("The tables are there.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
