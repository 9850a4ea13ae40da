"""`hourhand fleet`."""

from datetime import timedelta
from pathlib import Path

import pytest

from hourhand import AsyncClient, Client
from hourhand.errors import BadInput
from tests.cli.conftest import Hourhand
from tests.support.hand import Hand

BANDS = '{"81": "1d", "61": "2d", "31": "3d", "11": "4d", "1": "5d", "limit": 5}'


@pytest.fixture
def scrape(hourhand: Hourhand) -> str:
    done = hourhand("schedule", "add", "scrape", "--task", "t", "--every", "1h", "--rank-intervals", BANDS)
    assert done.code == 0
    return "scrape"


# --- The schedule ---


def test_a_fleet_is_added_and_shown_with_its_bands(hourhand: Hourhand, scrape: str, client: Client) -> None:
    made = client.schedules.get(scrape)
    assert made.rank_intervals == {  # type: ignore[attr-defined]
        "81": 86400, "61": 172800, "31": 259200, "11": 345600, "1": 432000, "limit": 5,
    }  # fmt: skip
    assert (
        '{"1": "5d", "11": "4d", "31": "3d", "61": "2d", "81": "1d", "limit": 5}'
        in hourhand("schedule", "show", scrape).out
    )
    hourhand("schedule", "edit", scrape, "--clear", "rank_intervals")
    assert client.schedules.get(scrape).rank_intervals is None  # type: ignore[attr-defined]


def test_what_its_task_needs_may_come_from_the_items(
    hourhand: Hourhand, hand: Hand, client: Client, tmp_path: Path
) -> None:
    add = ("schedule", "add", "feeds", "--task", "ingest-rss", "--every", "1h", "--rank-intervals", BANDS)
    assert "'many' is not of type 'integer'" in hourhand(*add, "--payload", '{"limit": "many"}').err
    assert hourhand(*add).code == 0
    assert hourhand("schedule", "edit", "feeds", "--payload", '{"limit": 5}').code == 0
    written = f"- {{name: more, task: ingest-rss, every: 1h, rank_intervals: {BANDS}}}\n"
    (tmp_path / "schedules.yaml").write_text(f"schedules:\n{written}")
    assert hourhand("schedule", "apply", str(tmp_path / "schedules.yaml")).code == 0
    done = hourhand("schedule", "edit", "feeds", "--clear", "rank_intervals", "--payload", '{"limit": 5}')
    assert "'url' is a required property" in done.err


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        ("[]", "not an object of intervals by rank"),
        ("{}", "not an object of intervals by rank"),
        ('{"0": "1d"}', "'0' is neither a rank from 1 to 100 nor limit"),
        ('{"81": "soon"}', "rank 81: 'soon' is not a duration"),
        ('{"81": true}', "rank 81: True is not a duration"),
        ('{"81": 0}', "rank 81: 0 is not between a second and a century"),
        ('{"limit": 1.5}', "limit 1.5 is not a whole number"),
    ],
)
def test_bands_that_make_no_sense_are_told(hourhand: Hourhand, bands: str, said: str) -> None:
    done = hourhand("schedule", "add", "s", "--task", "t", "--every", "1h", "--rank-intervals", bands)
    assert (done.code, said in done.err) == (2, True), done.err


# --- Items ---


def test_an_item_is_set_listed_shown_and_removed(hourhand: Hourhand, scrape: str) -> None:
    done = hourhand(
        "fleet", "set", scrape, "acme", "--rank", 85, "--owner", "ann", "--payload", '{"url": "x"}'
    )
    assert (done.code, done.err) == (0, "items of scrape: 1 created\n")
    listed = hourhand("fleet", "list", scrape)
    heading, line = listed.out.splitlines()
    assert heading.split() == ["item", "rank", "every", "due", "completed", "failures", "run"]
    assert line.split()[:3] == ["acme", "85", "1d"]
    assert listed.err == "1 item, 0 due\n"
    shown = hourhand("fleet", "show", scrape, "acme").out
    assert "ranked by  ann 85" in shown
    assert '{"url": "x"}' in shown
    assert hourhand("fleet", "remove", scrape, "acme").err == "item acme removed\n"
    assert hourhand("fleet", "list", scrape).err == "0 items, 0 due\n"


def test_several_owners_rank_an_item(hourhand: Hourhand, scrape: str) -> None:
    hourhand("fleet", "set", scrape, "acme", "--rank", 20, "--owner", "ann")
    assert hourhand("fleet", "set", scrape, "acme", "--rank", 70, "--owner", "bob").err.endswith(
        "1 changed\n"
    )
    assert hourhand("fleet", "show", scrape, "acme", "--json").json["rank"] == 70
    assert [
        item["item"] for item in hourhand("fleet", "list", scrape, "--owner", "bob", "--json").json["items"]
    ] == ["acme"]
    done = hourhand("fleet", "remove", scrape, "acme", "--owner", "bob")
    assert done.err == "item acme is no longer ranked by bob\n"
    assert hourhand("fleet", "show", scrape, "acme", "--json").json["ranks"] == {"ann": 20}


def test_an_item_is_made_due(hourhand: Hourhand, scrape: str) -> None:
    hourhand("fleet", "set", scrape, "acme", "--due", "now")
    assert hourhand("fleet", "list", scrape).err == "1 item, 1 due\n"
    assert hourhand("fleet", "set", scrape, "acme", "--due", "+2h").code == 0
    assert hourhand("fleet", "list", scrape).out.splitlines()[1].split()[3:5] == ["in", "2h"]


def test_a_fleet_is_summed_up(hourhand: Hourhand, scrape: str) -> None:
    hourhand("fleet", "set", scrape, "acme", "--due", "now")
    assert hourhand("fleet", "show", scrape).out.splitlines() == [
        "fleet         scrape",
        "items         1",
        "due           1",
        "from rank 81  every 1d",
        "from rank 61  every 2d",
        "from rank 31  every 3d",
        "from rank 11  every 4d",
        "from rank 1   every 5d",
        "limit         5",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "scrape", "acm"], 1, "Did you mean acme?"),
        (["remove", "scrape", "other"], 1, 'has no item "other"'),
        (["remove", "scrape", "acme", "--owner", "eve"], 1, "ranked by eve"),
        (["list", "scrap"], 1, "Did you mean scrape?"),
        (["set", "scrape"], 2, "Name either one ITEM with its options, or a --file."),
        (["set", "scrape", "acme", "--file", "x"], 2, "Name either"),
        (["set", "scrape", "--rank", "5", "--file", "x"], 2, "Name either"),
        (["set", "scrape", "acme", "--rank", "101"], 2, "101 is not in the range"),
        (["set", "scrape", "acme", "--payload", "[1]"], 2, "its payload is not an object"),
        (["set", "plain", "acme"], 2, '"plain" has no items'),
        (["set", "scrape", "--file", "missing.csv"], 78, "missing.csv cannot be read"),
    ],
)
def test_what_cannot_be_is_told(
    hourhand: Hourhand, scrape: str, client: Client, arguments: list[str], code: int, said: str
) -> None:
    client.schedules.create("plain", "t", every="1h")
    hourhand("fleet", "set", scrape, "acme")
    done = hourhand("fleet", *arguments)
    assert (done.code, said in done.err) == (code, True), done.err


# --- Imports ---


CSV = """item, rank, owner, payload, due
acme, 85, ann, "{""url"": ""https://acme.example""}",
"Müller, Söhne", , , ,2026-12-24T18:00Z
zeta,9,,,
"""
YAML = """items:
  - {item: acme, rank: 85, owner: ann, payload: {url: https://acme.example}}
  - item: Müller, Söhne
    due: 2026-12-24T18:00Z
  - {item: zeta, rank: 9}
"""


@pytest.mark.parametrize(
    ("suffix", "text"), [("csv", CSV), ("yaml", YAML), ("yml", YAML.removeprefix("items:\n"))]
)
def test_a_file_of_items_is_imported_and_imported_again_changes_nothing(
    hourhand: Hourhand, scrape: str, client: Client, tmp_path: Path, suffix: str, text: str
) -> None:
    file = tmp_path / f"items.{suffix}"
    file.write_text(text, encoding="utf-8-sig" if suffix == "csv" else "utf-8")
    assert hourhand("fleet", "set", scrape, "--file", file).err == "items of scrape: 3 created\n"
    assert hourhand("fleet", "set", scrape, "--file", file, "--json").json == {
        "created": 0,
        "changed": 0,
        "unchanged": 3,
    }
    items = {item.item: item for item in client.fleets.items(scrape).items}
    assert (items["acme"].ranks, items["acme"].payload) == ({"ann": 85}, {"url": "https://acme.example"})
    assert items["Müller, Söhne"].next_run_at.isoformat() == "2026-12-24T18:00:00+00:00"
    assert (items["Müller, Söhne"].rank, items["zeta"].interval) == (50, timedelta(days=5))


@pytest.mark.parametrize(
    ("suffix", "text", "line", "said"),
    [
        ("csv", "item,rank\na,5\nb,high\n", 3, "rank 'high' is not a whole number from 1 to 100"),
        ("csv", "item,rank\n,5\n", 2, "item is missing"),
        ("csv", "item,rang\na,5\n", 2, "there is no field rang"),
        ("csv", "item\na,5\n", 2, "there is no field a column without heading"),
        ("csv", "item,payload\na,[1]\n", 2, "payload is not an object"),
        ("csv", "item,due\na,soon\n", 2, "due 'soon' is not a time"),
        ("yaml", "- item: a\n- item: b\n  rank: 0\n", 2, "rank 0 is not"),
        ("yaml", "- item: a\n- just text\n", 2, "an item is not a mapping"),
        ("yaml", "- item: a\n  payload: {x: 2026-01-01}\n", 1, "payload: "),
        ("yaml", "x: 1\n", None, "is missing"),
        ("yaml", "- item: a\n  rank: 010\n", 2, "010 can be read in two ways"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line_and_nothing_is_changed(
    hourhand: Hourhand,
    scrape: str,
    client: Client,
    tmp_path: Path,
    suffix: str,
    text: str,
    line: int | None,
    said: str,
) -> None:
    file = tmp_path / f"items.{suffix}"
    file.write_text(text)
    done = hourhand("fleet", "set", scrape, "--file", file)
    assert done.code == 78
    assert f"{file}:{line}: " in done.err if line else str(file) in done.err
    assert said in done.err
    assert client.fleets.items(scrape).total == 0


def test_an_item_is_called_as_it_is_written(
    hourhand: Hourhand, scrape: str, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "items.yaml").write_text("[{item: 007, owner: no, rank: 5}, {item: 1.50}, {item: yes}]")
    assert hourhand("fleet", "set", scrape, "--file", tmp_path / "items.yaml").code == 0
    items = {each.item: each.ranks for each in client.fleets.items(scrape).items}
    assert items == {"007": {"no": 5}, "1.50": {}, "yes": {}}


# --- The client ---


def test_many_items_go_in_several_calls(scrape: str, client: Client) -> None:
    counts = client.fleets.set(scrape, ({"item": f"i{n}", "rank": n % 100 + 1} for n in range(2500)))
    assert counts == {"created": 2500, "changed": 0, "unchanged": 0}
    found = client.fleets.items(scrape, limit=10)
    assert (found.total, len(found.items)) == (2500, 10)
    assert found.items == sorted(found.items, key=lambda item: item.next_run_at)


def test_a_bad_item_is_refused_by_the_database(scrape: str, client: Client) -> None:
    with pytest.raises(BadInput, match='item "x": rank 500'):
        client.fleets.set(scrape, [{"item": "x", "rank": 500}])


def test_fleets_can_be_awaited(scrape: str, database_url: str) -> None:
    import asyncio

    async def go() -> tuple[int, str]:
        async with AsyncClient(database_url) as client:
            await client.fleets.set(scrape, [{"item": "x"}])
            total = (await client.fleets.items(scrape)).total
            return total, await client.fleets.remove(scrape, "x")

    assert asyncio.run(go()) == (1, "removed")
