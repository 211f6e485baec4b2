"""Meters the machine it runs on, as NexaCloud meters a host (psutil)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psutil

SUBSCRIPTION = "demo-host"


@dataclass
class Meter:
    """Reads the machine; sums are what came since the reading before.

    ``run`` makes the transaction ids of this run its own.
    """

    run: str
    readings: int
    busy_seconds: float
    sent_bytes: int

    def read(self) -> list[dict[str, Any]]:
        """The counters of one reading, as the API takes them.

        Numbers cross as decimal strings; psutil's float is cut to microseconds here,
        where it is measured, and is exact from then on.
        """
        self.readings += 1
        busy, sent = _busy_seconds(), psutil.net_io_counters().bytes_sent
        values: dict[str, dict[str, Any]] = {
            "cpu_seconds": {"value": f"{max(busy - self.busy_seconds, 0):.6f}"},
            "bytes_sent": {"value": str(max(sent - self.sent_bytes, 0))},
            "memory_bytes": {"value": str(psutil.virtual_memory().used)},
            "disk_bytes": {"value": str(psutil.disk_usage("/").used)},
            "process_names": {"values": _process_names()},
        }
        self.busy_seconds, self.sent_bytes = busy, sent
        now = datetime.now(UTC).isoformat()
        return [
            {
                "transaction_id": f"{self.run}-{self.readings:06d}",
                "external_subscription_id": SUBSCRIPTION,
                "code": code,
                "timestamp": now,
                **value,
            }
            for code, value in values.items()
        ]


def start_meter() -> Meter:
    """A meter that begins now: what the machine did before is not counted."""
    sent = psutil.net_io_counters().bytes_sent
    return Meter(uuid4().hex[:12], 0, _busy_seconds(), sent)


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system)


def _process_names() -> list[str]:
    names = {process.info["name"] for process in psutil.process_iter(["name"])}
    return sorted(name for name in names if name)
