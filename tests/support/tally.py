"""What the contract suite has shown: tests by way, at the end of a run."""

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


def _measured(reporter: pytest.TerminalReporter, way: str) -> list[str]:
    """What tests of this way have measured."""
    reports = [report for report in reporter.stats.get("passed", []) if _way(report) == way]
    return [str(value) for report in reports for name, value in report.user_properties if name == "lag"]


def _way(report: object) -> str:
    properties = dict(getattr(report, "user_properties", []))
    return str(properties.get("contract", ""))
