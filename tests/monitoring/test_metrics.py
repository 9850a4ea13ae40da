"""What Prometheus reads, and that the dashboard and the rules ask for nothing else."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families

from hourhand.transport import Transport
from tests.admin.house import House, Program
from tests.sql.conftest import Hand

Enqueue = Callable[..., int]
Sql = Callable[..., list[Any]]

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = re.compile(r"\bhourhand_[a-z_]+\b")


READ_OPEN_METRICS: Callable[[str], Iterator[Metric]] = read_open_metrics


def families(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))


class Page:
    """One scrape."""

    def __init__(self, program: Program) -> None:
        answer = program.ask("GET", "/metrics")
        assert answer.status_code == 200
        self.text = answer.text
        self.names: set[str] = set()
        self._values: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for family in families(answer.text):
            self.names |= {family.name, *(sample.name for sample in family.samples)}
            if family.type == "counter":
                self.names.add(f"{family.name}_total")
            if family.type == "histogram":
                self.names |= {f"{family.name}{suffix}" for suffix in ("_bucket", "_count", "_sum")}
            for sample in family.samples:
                self._values[sample.name, frozenset(sample.labels.items())] = sample.value

    def __call__(self, name: str, /, **labels: str) -> float | None:
        return self._values.get((name, frozenset(labels.items())))

    def counters(self) -> dict[Any, float]:
        ends = ("_total", "_count", "_sum", "_bucket")
        return {key: value for key, value in self._values.items() if key[0].endswith(ends)}


@pytest.fixture
def scrape(house: House) -> Callable[[], Page]:
    program = house.program("viewer")
    return lambda: Page(program)


def test_a_viewer_may_read_them_and_nobody_may_not(house: House) -> None:
    assert house.program("viewer").ask("GET", "/metrics").status_code == 200
    assert house.program(None).ask("GET", "/metrics").status_code == 401


def test_a_scraper_may_have_open_metrics(house: House) -> None:
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    answer = house.program("viewer").ask("GET", "/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert "hourhand_build" in {family.name for family in READ_OPEN_METRICS(answer.text)}


def test_runs_are_counted_by_task_and_outcome(
    scrape: Callable[[], Page], hand: Callable[..., Hand], enqueue: Enqueue
) -> None:
    for _ in range(3):
        enqueue("task")
    worker = hand("task")
    first, second, third = worker.runs()
    worker.finish(first, second)
    worker.finish(third, outcome="failed", error={"class": "E", "message": "no"})
    page = scrape()
    assert page("hourhand_runs_total", task="task", status="completed") == 2
    assert page("hourhand_runs_total", task="task", status="failed") == 1
    assert page("hourhand_attempts_total", outcome="failed") == 1
    assert page("hourhand_run_duration_seconds_count", task="task") == 3
    assert page("hourhand_queue_wait_seconds_count", queue="default") == 3
    assert page("hourhand_queue_wait_seconds_bucket", queue="default", le="1800.0") == 3


def test_tasks_that_nobody_has_registered_are_one_label(
    scrape: Callable[[], Page], transport: Transport, enqueue: Enqueue
) -> None:
    for name in ("a", "b"):
        transport.call("cancel_run", {"p_run_id": enqueue(name)})
    assert scrape()("hourhand_runs_total", task="(unknown)", status="cancelled") == 2


def test_counters_stay_when_history_goes(
    scrape: Callable[[], Page], hand: Callable[..., Hand], enqueue: Enqueue, transport: Transport, sql: Sql
) -> None:
    worker = hand("task")
    for hours in (0, 1, 48, 24 * 40):
        enqueue("task")
        worker.finish(*worker.runs())
        sql(
            "alter table hourhand_parts.job_runs_history disable trigger user;"
            "update hourhand.job_runs set finished_at = finished_at - make_interval(hours => %s)"
            " where id = (select max(id) from hourhand.job_runs)".replace("%s", str(hours))
        )
    before = scrape().counters()
    assert before["hourhand_runs_total", frozenset({("task", "task"), ("status", "completed")})] == 4
    transport.call("watch")
    assert scrape().counters() == pytest.approx(before)
    transport.call("prune", {"p_retention_days": 1})
    assert sql("select count(*) from hourhand.job_runs where status = 'completed'")[0][0] == 2
    assert scrape().counters() == pytest.approx(before)


def test_counting_twice_counts_once(
    scrape: Callable[[], Page], hand: Callable[..., Hand], enqueue: Enqueue, transport: Transport, sql: Sql
) -> None:
    worker = hand("task")
    enqueue("task")
    worker.finish(*worker.runs())
    before = scrape().counters()
    for _ in range(3):
        # As if a minute had passed each time.
        sql(
            "update hourhand_parts.watching set looked_at = '-infinity',"
            " counted_until = counted_until - interval '1 second'"
            " where counted_until > '-infinity'"
        )
        transport.call("watch")
    assert scrape().counters() == before


def test_firings_are_counted_by_what_was_decided(
    scrape: Callable[[], Page], add_schedule: Callable[..., int], sql: Sql
) -> None:
    schedule = add_schedule("news")
    rows = [("fired", 1, 20), ("fired", 1, 700), ("missed", 40, 0), ("paused", 500, 0)]
    for minutes, (decision, count, lag) in enumerate(rows):
        sql(
            "insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, count, decided_at, lag_ms)"
            " values (%s, hourhand.clock() - make_interval(mins => %s), %s, %s, hourhand.clock(), %s)",
            schedule,
            minutes,
            decision,
            count,
            lag,
        )
    page = scrape()
    assert page("hourhand_firings_total", decision="fired") == 2
    assert page("hourhand_firings_total", decision="missed") == 40
    assert page("hourhand_firings_total", decision="paused") == 1
    assert page("hourhand_firing_lag_seconds_bucket", le="0.05") == 1
    assert page("hourhand_firing_lag_seconds_count") == 2
    assert page("hourhand_firing_lag_seconds_sum") == pytest.approx(0.72)


def test_queues_schedules_and_services_are_told_as_they_are(
    scrape: Callable[[], Page],
    add_schedule: Callable[..., int],
    hand: Callable[..., Hand],
    enqueue: Enqueue,
    sql: Sql,
) -> None:
    add_schedule("news")
    add_schedule("old", is_active=False)
    sql(
        "update hourhand.scheduled_jobs set next_run_at = hourhand.clock() - interval '90 s' where name = 'news'"
    )
    worker = hand("task")
    enqueue("task", queue="mail")
    enqueue("task")
    worker.beat()
    sql("update hourhand_parts.job_runs_live set run_at = run_at - interval '1 hour' where queue = 'mail'")
    sql("""update hourhand.services set stats = '{"running": 3, "memory_mb": 2, "tick_s": 0.25}'""")
    page = scrape()
    assert page("hourhand_queue_runs", queue="mail", status="pending") == 1
    oldest = page("hourhand_queue_oldest_pending_seconds", queue="mail")
    assert oldest is not None
    assert 3600 <= oldest < 3660
    assert page("hourhand_schedules", state="active") == 1
    assert page("hourhand_schedules", state="paused") == 1
    assert 90 <= (page("hourhand_schedule_lateness_seconds") or 0) < 120
    assert page("hourhand_services", kind="worker", state="alive") == 1
    assert page("hourhand_services", kind="scheduler", state="alive") == 0
    assert (page("hourhand_heartbeat_age_seconds", kind="worker", name="hand") or 99) < 10
    assert page("hourhand_worker_memory_bytes", kind="worker", name="hand") == 2 * 2**20
    assert page("hourhand_tick_duration_seconds", kind="worker", name="hand") == 0.25


def asked_by_the_dashboard() -> set[str]:
    board = json.loads((DEPLOY / "grafana" / "hourhand.json").read_text("utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    assert len(queries) >= 10
    return set(NAME.findall(" ".join(queries)))


def asked_by_the_rules() -> set[str]:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text("utf-8"))
    found = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len(found) >= 5
    for rule in found:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
    return set(NAME.findall(" ".join(rule["expr"] for rule in found)))


def test_the_dashboard_and_the_rules_ask_for_nothing_that_is_not_told(
    scrape: Callable[[], Page], hand: Callable[..., Hand], enqueue: Enqueue, sql: Sql
) -> None:
    worker = hand("task")
    enqueue("task")
    worker.finish(*worker.runs())
    page = scrape()
    asked = asked_by_the_dashboard() | asked_by_the_rules()
    assert asked
    assert asked - page.names == set()


def test_every_metric_is_in_the_documentation(scrape: Callable[[], Page]) -> None:
    page = scrape()
    names = {family.name for family in families(page.text)}
    told = (DEPLOY.parent / "docs" / "monitoring.md").read_text("utf-8")
    assert [name for name in sorted(names) if name not in told] == []
