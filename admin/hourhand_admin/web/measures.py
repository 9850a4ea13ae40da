"""The answer of `get_metrics` as Prometheus knows it. Labels are few: of tasks, queues, services."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import accumulate
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

BOUNDS = ("0.01", "0.05", "0.1", "0.5", "1.0", "5.0", "15.0", "60.0", "300.0", "1800.0", "+Inf")
"""Of the histograms, in seconds; those of the SQL function `wait_bucket`."""

_Row = tuple[str, str, str, tuple[str, ...]]
_COUNTERS: tuple[_Row, ...] = (
    ("runs", "hourhand_runs", "Runs that have ended.", ("task", "status")),
    ("attempts", "hourhand_attempts", "Attempts that did not simply complete.", ("outcome",)),
    ("firings", "hourhand_firings", "Instants of schedules, by what was decided.", ("decision",)),
)
_HISTOGRAMS: tuple[_Row, ...] = (
    (
        "wait",
        "hourhand_queue_wait_seconds",
        "From when a run might have started to its last claim.",
        ("queue",),
    ),
    ("lag", "hourhand_firing_lag_seconds", "From the instant of a firing to its run.", ()),
)
_STATES = ("alive", "late", "lost")
_KINDS = ("scheduler", "worker", "admin")
_RULES = ("failing", "late", "missed", "stopped", "slow", "silent", "backlog", "ping")
_STATS = (
    (
        "tick_s",
        "hourhand_tick_duration_seconds",
        "The longest step of a scheduler between its last two beats.",
        1,
    ),
    ("running", "hourhand_worker_running_runs", "Runs that a worker is running.", 1),
    ("memory_mb", "hourhand_worker_memory_bytes", "Resident memory of a worker.", 2**20),
)

Values = dict[tuple[str, ...], float]


class Measures(Collector):
    def __init__(self, answer: Mapping[str, Any], seconds: float) -> None:
        self._answer = answer
        self._seconds = seconds
        self._counted: defaultdict[str, Values] = defaultdict(dict)
        for entry in answer["counters"]:
            self._counted[entry["metric"]][tuple(entry["labels"])] = entry["value"]

    def collect(self) -> Iterator[Metric]:
        yield self._build()
        yield from self._counters()
        yield from self._queues()
        yield from self._schedules()
        yield from self._services()
        yield from self._alerts()
        yield GaugeMetricFamily(
            "hourhand_scrape_duration_seconds", "What this scrape took in the database.", self._seconds
        )

    def _build(self) -> Metric:
        family = InfoMetricFamily("hourhand_build", "Versions.")
        facts = {
            "version": version("hourhand"),
            "schema": str(self._answer["schema_version"]),
            "postgres": self._answer["server_version"],
        }
        family.add_metric([], facts)
        return family

    def _counters(self) -> Iterator[Metric]:
        for metric, name, says, labels in _COUNTERS:
            counter = CounterMetricFamily(name, says, labels=labels)
            for values, value in self._counted[metric].items():
                counter.add_metric(values, value)
            yield counter
        yield self._durations()
        for metric, name, says, labels in _HISTOGRAMS:
            yield self._histogram(metric, name, says, labels)

    def _durations(self) -> Metric:
        summary = SummaryMetricFamily(
            "hourhand_run_duration_seconds", "How long runs went on that have ended.", labels=("task",)
        )
        ended: defaultdict[tuple[str, ...], float] = defaultdict(float)
        for (task, _), value in self._counted["runs"].items():
            ended[task,] += value
        for (task,), seconds in self._counted["run_seconds"].items():
            summary.add_metric([task], int(ended[task,]), seconds)
        return summary

    def _histogram(self, metric: str, name: str, says: str, labels: tuple[str, ...]) -> Metric:
        histogram = HistogramMetricFamily(name, says, labels=labels)
        buckets: defaultdict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
        for (*values, bound), value in self._counted[metric].items():
            buckets[tuple(values)][bound] = value
        for key, found in buckets.items():
            sums = accumulate(found.get(bound, 0.0) for bound in BOUNDS)
            total = self._counted[f"{metric}_seconds"].get(key, 0.0)
            histogram.add_metric(key, list(zip(BOUNDS, sums, strict=True)), total)
        return histogram

    def _queues(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("hourhand_queue_runs", "Runs in a queue.", labels=("queue", "status"))
        oldest = GaugeMetricFamily(
            "hourhand_queue_oldest_pending_seconds",
            "How long the oldest run that might run has been waiting.",
            labels=("queue",),
        )
        for row in self._answer["queues"]:
            depth.add_metric([row["queue"], row["status"]], row["runs"])
            if row["oldest_s"] is not None:
                oldest.add_metric([row["queue"]], row["oldest_s"])
        return iter((depth, oldest))

    def _schedules(self) -> Iterator[Metric]:
        states = GaugeMetricFamily("hourhand_schedules", "Schedules by state.", labels=("state",))
        for state, count in self._answer["schedules"].items():
            states.add_metric([state], count)
        yield states
        yield GaugeMetricFamily(
            "hourhand_schedule_lateness_seconds",
            "How long the schedule that is most overdue has been due; 0 when none is.",
            self._answer["lateness_s"],
        )

    def _services(self) -> Iterator[Metric]:
        services = self._answer["services"]
        counts = GaugeMetricFamily("hourhand_services", "Services by state.", labels=("kind", "state"))
        for kind in _KINDS:
            for state in _STATES:
                count = sum(each["kind"] == kind and each["state"] == state for each in services)
                counts.add_metric([kind, state], count)
        yield counts
        open_ones = _newest([each for each in services if each["state"] != "lost"])
        age = GaugeMetricFamily(
            "hourhand_heartbeat_age_seconds",
            "Since a service that has not ended was last heard.",
            labels=("kind", "name"),
        )
        for each in open_ones:
            age.add_metric([each["kind"], each["name"]], each["beat_age_s"])
        yield age
        yield from (_stat(open_ones, *row) for row in _STATS)

    def _alerts(self) -> Iterator[Metric]:
        alerts = GaugeMetricFamily("hourhand_alerts", "Alerts that are open.", labels=("rule",))
        for rule in _RULES:
            alerts.add_metric([rule], self._answer["alerts"].get(rule, 0))
        yield alerts
        yield GaugeMetricFamily(
            "hourhand_alert_messages_waiting",
            "Messages of alerts and pings that are due and not yet delivered.",
            self._answer["messages_waiting"],
        )


def _newest(services: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One of each kind and name: a label must not come twice."""
    return list({(each["kind"], each["name"]): each for each in services}.values())


def _stat(services: list[dict[str, Any]], key: str, name: str, says: str, unit: float) -> Metric:
    gauge = GaugeMetricFamily(name, says, labels=("kind", "name"))
    for each in services:
        if key in each["stats"]:
            gauge.add_metric([each["kind"], each["name"]], each["stats"][key] * unit)
    return gauge
