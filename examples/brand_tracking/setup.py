"""Create the tables of the example, with three brands of coffee: python -m examples.brand_tracking.setup"""

import sys
from pathlib import Path

from examples.brand_tracking import store
from examples.common.database import apply_migrations, connect, reachable_database
from examples.common.show import in_words

BRANDS = {"Fjordkaffe": ("Fjord Kaffe",), "Kestrel & Sons": ("Kestrel and Sons",), "Montebruno": ()}
QUERIES = (
    "best beans for filter coffee at home",
    "best espresso beans for a small machine",
    "is a coffee subscription worth the price",
    "how to store coffee beans",
)


def set_up(url: str, brands: bool = True) -> None:
    with connect(url) as db:
        apply_migrations(db, Path(__file__).parent / "sql")
        for name, aliases in BRANDS.items() if brands else ():
            store.put_brand(db, name, aliases, QUERIES)
        if brands:
            store.put_brand(db, "Quiet Roasters", (), ())  # a brand for which no query was generated


def main() -> int:
    with reachable_database() as url:
        set_up(url)
    print(f"The tables are there, with {len(BRANDS) + 1} brands.")
    return 0


if __name__ == "__main__":
    sys.exit(in_words(main))
