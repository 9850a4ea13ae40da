"""What tests have counted and measured, told at the end of a run.

A test of the contract is counted by its property `contract`; its property `lag` is told with the counts. A
property `fault` of any test is a row of the table of faults. A property `stops` says at how many statements a pair of
calls was stopped. A property `page` is a row of the table of the admin's pages, `measured` any other number.
"""

from collections import Counter

import pytest


def tell(reporter: pytest.TerminalReporter) -> None:
    """How many tests of the contract have passed, failed or been skipped by each way."""
    counts = {
        outcome: Counter(_way(report) for report in reporter.stats.get(outcome, []))
        for outcome in ("passed", "failed", "error", "skipped")
    }
    ways = sorted({way for count in counts.values() for way in count if way})
    if ways:
        reporter.section("the contract, by way")
    for way in ways:
        told = [f"{count[way]} {outcome}" for outcome, count in counts.items() if count[way]]
        reporter.line(f"{way:<25}{', '.join(told + _measured(reporter, way))}")

    _list(reporter, "fault", "fault: calls, failed, doubled")
    _list(
        reporter,
        "page",
        "page: kB cold; breaches of accessibility in light, in dark, of the CSP; other hosts",
    )
    _list(reporter, "measured", "measured")

    stops = [int(str(value)) for value in _properties(reporter, "stops")]
    if stops:
        reporter.section("two calls at once")
        reporter.line(f"{len(stops)} pairs, stopped before {sum(stops)} statements")


def _list(reporter: pytest.TerminalReporter, wanted: str, title: str) -> None:
    found = _properties(reporter, wanted)
    if found:
        reporter.section(title)
    for line in found:
        reporter.line(str(line))


def _measured(reporter: pytest.TerminalReporter, way: str) -> list[str]:
    """What tests of this way have measured."""
    reports = [report for report in reporter.stats.get("passed", []) if _way(report) == way]
    return [str(value) for report in reports for value in _property(report, "lag")]


def _properties(reporter: pytest.TerminalReporter, wanted: str) -> list[object]:
    """Those of all tests that passed."""
    return [value for report in reporter.stats.get("passed", []) for value in _property(report, wanted)]


def _way(report: object) -> str:
    return next((str(way) for way in _property(report, "contract")), "")


def _property(report: object, wanted: str) -> list[object]:
    return [value for name, value in getattr(report, "user_properties", []) if name == wanted]
