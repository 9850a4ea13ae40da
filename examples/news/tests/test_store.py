from dataclasses import replace
from datetime import UTC, datetime

from examples.common.database import Connection, apply_migrations, connect
from examples.news import store
from examples.news.clean import Cleaned
from examples.news.feed import Item
from examples.news.fetch import Validators
from examples.news.setup import MIGRATIONS

ITEM = Item(guid="1", title="One", link="https://a.example/1", author="", content="<p>One</p>", published="")
CLEANED = Cleaned(title="One", text="One", link=None, published_at=datetime(2026, 11, 1, tzinfo=UTC))


def a_source(db: Connection, url: str = "https://a.example/feed") -> int:
    store.put_source(db, "a", url)
    (source,) = store.enabled_sources(db)
    return source.id


def test_the_tables_can_be_created_again(db: Connection) -> None:
    with db.transaction():
        apply_migrations(db, MIGRATIONS)


def test_a_source_is_known_by_its_name_and_a_disabled_one_is_left_alone(db: Connection) -> None:
    source = a_source(db, "https://a.example/old")
    assert a_source(db, "https://a.example/new") == source
    assert store.find_source(db, source) == store.Source(source, "a", "https://a.example/new")
    db.execute("update news.sources set enabled = false")
    assert store.enabled_sources(db) == []


def test_the_same_items_are_stored_once(db: Connection) -> None:
    source = a_source(db)
    items = [ITEM, replace(ITEM, guid="2")]
    assert store.save_items(db, source, items) == (2, 0)
    assert store.save_items(db, source, items) == (0, 0)
    assert db.execute("select count(*) from news.raw_news").fetchone() == (2,)


def test_a_changed_item_is_cleaned_again_in_place(db: Connection) -> None:
    source = a_source(db)
    store.save_items(db, source, [ITEM])
    (raw,) = store.take_uncleaned(db, 10)
    store.save_cleaned(db, raw.id, CLEANED)
    assert not store.has_uncleaned(db)
    assert store.save_items(db, source, [replace(ITEM, content="<p>Uno</p>")]) == (0, 1)
    assert [item.content for item in store.take_uncleaned(db, 10)] == ["<p>Uno</p>"]
    store.save_cleaned(db, raw.id, replace(CLEANED, text="Uno"))
    assert db.execute("select raw_id, text from news.clean_news").fetchall() == [(raw.id, "Uno")]


def test_items_of_two_sources_may_share_a_guid(db: Connection) -> None:
    store.put_source(db, "a", "https://a.example/")
    store.put_source(db, "b", "https://b.example/")
    for source in store.enabled_sources(db):
        assert store.save_items(db, source.id, [ITEM]) == (1, 0)


def test_every_text_that_a_feed_can_hold_fits(db: Connection) -> None:
    source = a_source(db)
    awkward = replace(ITEM, guid="g" * 500, title="\\u0000 \U0001f5de", content="{\"$\": [1, '2']}\n" * 1000)
    assert store.save_items(db, source, [awkward]) == (1, 0)
    (raw,) = store.take_uncleaned(db, 1)
    assert (raw.title, raw.content) == (awkward.title, awkward.content)


def test_several_runs_share_what_is_to_be_cleaned(db: Connection, url: str) -> None:
    source = a_source(db)
    store.save_items(db, source, [replace(ITEM, guid=str(n)) for n in range(3)])
    with connect(url) as one, connect(url) as other:
        first = {item.id for item in store.take_uncleaned(one, 2)}
        second = {item.id for item in store.take_uncleaned(other, 2)}
    assert (len(first), len(second)) == (2, 1)
    assert not first & second


def test_validators_hold_for_the_address_they_came_from(db: Connection) -> None:
    source = a_source(db, "https://a.example/feed")
    noted = Validators('"v1"', "Mon")
    store.note_fetch(db, source, "https://a.example/feed", noted)
    assert store.known_validators(db, source, "https://a.example/feed") == noted
    assert store.known_validators(db, source, "https://a.example/elsewhere") == Validators()
