"""``/health`` and ``/metrics``: open to whoever can reach the port, free of secrets."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from ingest_api.api import current_api
from ingest_api.bounded import Unavailable
from ingest_api.dependencies import CHECK_SECONDS
from ingest_api.metrics import render_metrics
from ledger.backlog import read_backlog

T = TypeVar("T")


def show_health() -> Response:
    """200 as long as the process is alive, with each dependency's state."""
    states = current_api().dependencies.states()
    good = all(state == "ok" for state in states.values())
    answer: dict[str, Any] = {
        "status": "ok" if good else "degraded",
        "dependencies": {name: {"state": state} for name, state in states.items()},
    }
    return jsonify(answer)


def show_metrics() -> Response:
    """The metrics in Prometheus's text format."""
    api, now = current_api(), datetime.now(UTC)
    backlog = _or_none(
        lambda: api.query(lambda conn: read_backlog(conn, now), CHECK_SECONDS)
    )
    depth = _or_none(lambda: api.publisher.queue_depth(CHECK_SECONDS))
    text = render_metrics(depth, backlog, now)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


def _or_none(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except Unavailable:
        return None
