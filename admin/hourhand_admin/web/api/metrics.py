"""What Prometheus reads: one call to the database for each scrape."""

import time
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import CollectorRegistry

from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.measures import Measures

router = APIRouter(tags=["monitoring"])


@router.get("/metrics", response_class=Response)
def metrics(visit: Viewer) -> Response:
    """The state of the schedules, the queues and the services, as text for Prometheus."""
    began = time.perf_counter()
    answer: dict[str, Any] = visit.call("get_metrics")
    registry = CollectorRegistry()
    registry.register(Measures(answer, time.perf_counter() - began))
    encode, kind = choose_encoder(visit.request.headers.get("accept", ""))
    return Response(encode(registry), media_type=kind)
