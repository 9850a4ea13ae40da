"""Every finding of the doctor has its section, and no other has one."""

from typing import get_args

from hourhand_admin.health import FINDINGS_PAGE, FindingId
from tests.cli.conftest import run
from tests.docs.markdown import ROOT, anchors, code, rows, sections


def test_the_findings_are_those_that_the_page_explains() -> None:
    explained = sections(ROOT / FINDINGS_PAGE, 3)
    assert sorted(explained) == sorted(get_args(FindingId))
    assert all(len(text.split()) > 10 for text in explained.values())


def test_the_steps_of_the_pipeline_are_those_of_the_page() -> None:
    source = (ROOT / "admin/hourhand_admin/pipeline.py").read_text("utf-8")
    told = {code(row[0])[0] for row in rows(sections(ROOT / FINDINGS_PAGE, 2)["The pipeline"])}
    assert told == {part.split('"')[0] for part in source.split('Step("')[1:]}


def test_the_doctor_names_the_page() -> None:
    assert FINDINGS_PAGE in run("doctor", JOB_WORKER_POLL_MS="never").out
    [finding] = run("doctor", "--json", JOB_WORKER_POLL_MS="never").json["findings"]
    page, _, anchor = finding["page"].partition("#")
    assert anchor in anchors(ROOT / page)
