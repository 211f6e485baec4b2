"""A service with a catalog, unique to each test, built through apply_catalog."""

import itertools
import time
from dataclasses import dataclass
from typing import Any

from tests.contract.odoo_target import OdooTarget

SERVICE = "fusion.billing.service"
USAGE = "fusion.billing.usage"

# Names differ between runs too, for a server that keeps its database.
_RUN = format(time.time_ns(), "x")
_numbers = itertools.count(1)


def apply(odoo: OdooTarget, kind: str, *rows: Any) -> list[dict[str, Any]]:
    """apply_catalog of these rows; one result per row, in order."""
    results = odoo.ask(SERVICE, "apply_catalog", kind=kind, rows=list(rows))
    assert [result["index"] for result in results] == list(range(len(rows)))
    for result in results:
        held = {"revision"} if result["status"] == "stale" else set()
        assert set(result) == {"index", "status", "id", "reason"} | held
    return list(results)


def statuses(results: list[dict[str, Any]]) -> list[str]:
    """The statuses, in order."""
    return [result["status"] for result in results]


def upsert(odoo: OdooTarget, *rows: Any) -> list[dict[str, Any]]:
    """upsert_rollups of these rows; one result per row, in order."""
    results = odoo.ask(USAGE, "upsert_rollups", rows=list(rows))
    assert [result["index"] for result in results] == list(range(len(rows)))
    for result in results:
        held = {"revision"} if result["status"] == "stale" else set()
        assert set(result) == {"index", "status", "reason"} | held
    return list(results)


@dataclass(frozen=True)
class World:
    """One service: metric "cpu", plan "basic", customer "c1", subscription "s1"."""

    odoo: OdooTarget
    code: str

    def metric(self, **more: Any) -> dict[str, Any]:
        """The metric's row."""
        return {
            "service": self.code,
            "code": "cpu",
            "name": "CPU seconds",
            "aggregation": "sum",
            "unit": "s",
            "rounding": "none",
            "rounding_precision": 0,
            "field_name": False,
            "description": False,
            "filters": False,
            "archived": False,
            **more,
        }

    def charge(self, **more: Any) -> dict[str, Any]:
        """The plan's one charge: the pilot's."""
        return {
            "metric": "cpu",
            "model": "package",
            "included": "36000",
            "price": "0.0075",
            "package_size": "3600",
            "tiers": False,
            "minimum": "0",
            "display_name": False,
            "fixed": "0",
            "free_events": "0",
            "group_keys": False,
            "filters": False,
            **more,
        }

    def plan(self, **more: Any) -> dict[str, Any]:
        """The plan's row."""
        return {
            "service": self.code,
            "code": "basic",
            "name": "Basic",
            "interval": "monthly",
            "currency": "CAD",
            "price": "12.50",
            "grace_hours": 48,
            "charges": [self.charge()],
            "description": False,
            "usage_thresholds": False,
            "archived": False,
            **more,
        }

    def customer(self, **more: Any) -> dict[str, Any]:
        """The customer's row."""
        row = {"service": self.code, "external_id": "c1", "name": "Jane"}
        return {**row, "email": f"jane@{self.code}.test", **more}

    def subscription(self, **more: Any) -> dict[str, Any]:
        """The subscription's row."""
        return {
            "service": self.code,
            "external_id": "s1",
            "customer": "c1",
            "plan": "basic",
            "started_at": "2026-01-01 05:00:00",
            "ended_at": False,
            "timezone": "America/Toronto",
            "anchor": "calendar",
            **more,
        }

    def rollup(self, **more: Any) -> dict[str, Any]:
        """A rollup's row, revision 1."""
        return {
            "service": self.code,
            "subscription": "s1",
            "metric": "cpu",
            "period_start": "2026-02-01 05:00:00",
            "period_end": "2026-03-01 05:00:00",
            "quantity": "1.5",
            "included": False,
            "overage": False,
            "amount": False,
            "currency": "CAD",
            "revision": 1,
            "state": "open",
            **more,
        }

    def usage(self, *fields: str) -> list[dict[str, Any]]:
        """The service's usage rows as Odoo has them, by id."""
        rows = self.odoo.ask(
            USAGE,
            "search_read",
            domain=[["service_id.code", "=", self.code]],
            fields=list(fields),
            order="id",
        )
        return list(rows)


def make_world(odoo: OdooTarget) -> World:
    """A new service with all of the above applied."""
    world = World(odoo, f"svc{_RUN}-{next(_numbers)}")
    service = {"code": world.code, "name": "A service", "mode": "shadow"}
    for kind, row in (
        ("service", service),
        ("metric", world.metric()),
        ("plan", world.plan()),
        ("customer", world.customer()),
        ("subscription", world.subscription()),
    ):
        assert statuses(apply(odoo, kind, row)) == ["created"], kind
    return world


def export(odoo: OdooTarget, kind: str, after_id: int = 0) -> list[dict[str, Any]]:
    """Every row of a kind, page by page."""
    rows: list[dict[str, Any]] = []
    page_size = 20
    while True:
        page = odoo.ask(
            SERVICE, "export_catalog", kind=kind, after_id=after_id, limit=page_size
        )
        assert len(page["rows"]) <= page_size
        if not page["rows"]:
            assert page["last_id"] == after_id
            return rows
        rows += page["rows"]
        after_id = page["last_id"]
        assert after_id == rows[-1]["id"]


def own(world: World, kind: str) -> list[dict[str, Any]]:
    """The exported rows of the test's service, without what varies."""
    key = "code" if kind == "service" else "service"
    return [
        {name: value for name, value in row.items() if name not in ("id", "write_date")}
        for row in export(world.odoo, kind)
        if row[key] == world.code
    ]
