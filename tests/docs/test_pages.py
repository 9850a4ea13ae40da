"""What the documents point at is there."""

import re
from pathlib import Path

import pytest

from hourhand.timetable import firings
from tests.docs import events
from tests.docs.markdown import ROOT, anchors, code, links, pages, prose, rows, sections

_PATH = re.compile(r"(?:tests|shared|scheduler|worker|admin|deploy|docs|examples|benchmarks)/[\w./-]*")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_files_that_are_named_exist(page: Path) -> None:
    named = {word for word in code(prose(page)) if _PATH.fullmatch(word) and word == word.lower()}
    assert [word for word in sorted(named) if not (ROOT / word).exists()] == []


def test_every_event_is_in_the_reference_and_no_other() -> None:
    page = ROOT / "docs" / "reference" / "events.md"
    told = {event for row in rows(page.read_text("utf-8")) for event in code(row[0])}
    # Not written as events: lines of others, and that the log itself cannot be written.
    assert told - {"log", "log.file"} == events.written()


def test_every_cron_expression_of_the_reference_fires() -> None:
    from datetime import UTC, datetime

    section = sections(ROOT / "docs" / "reference" / "schedules.md", 2)["Cron"]
    expressions = [code(row[0])[0] for row in rows(section)]
    assert len(expressions) > 10
    for cron in expressions:
        assert len(firings(cron, "Europe/Berlin", datetime(2026, 1, 1, tzinfo=UTC), 3, name="news")) == 3, (
            cron
        )
