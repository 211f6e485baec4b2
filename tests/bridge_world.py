"""The stand-in Odoo with a catalog, and the ledger that pulls it, for bridge tests."""

import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.db import connect as connect_ledger
from ledger.known import known_names
from odoo_bridge.catalog_load import load_catalog_file
from odoo_bridge.client import OdooClient, connect
from odoo_bridge.errors import OdooTimeoutError
from schemas.settings import Settings, load_settings
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import World

PROTOCOLS = ("json2", "xmlrpc")
CATALOG = """
service: {{code: {code}, name: Bridge, mode: shadow}}
metrics:
  - {{code: sum, aggregation: sum}}
  - {{code: max, aggregation: max}}
plans:
  - code: plan
    interval: monthly
    currency: CAD
    price: 20
    charges:
      - {{metric: sum, model: package, included: 10, price: 0.0075, package_size: 100}}
customers:
  - {{external_id: customer, email: {code}@example.com}}
subscriptions:
  - {{external_id: sub-0, customer: customer, plan: plan, started_at: 2026-01-01}}
  - {{external_id: sub-1, customer: customer, plan: plan, started_at: 2026-01-01}}
"""

# Names differ between runs too, for a server that keeps its database.
_RUN = format(time.time_ns(), "x")
_numbers = itertools.count(1)


def settings_for(url: str, **more: str) -> Settings:
    """Settings that name an Odoo; nothing else in them is used."""
    return load_settings(
        {
            "DATABASE_URL": "postgresql://nowhere/x",
            "BROKER_URL": "redis://nowhere",
            "ODOO_URL": url,
            "ODOO_API_KEY": "key",
            "FUSION_SECRET_KEY": "A" * 43 + "=",
            "ODOO_TIMEOUT_SECONDS": "20",
            **more,
        }
    )


@dataclass(frozen=True)
class Bridge:
    """A client of the stand-in, and a ledger whose catalog came from it."""

    client: OdooClient
    database_url: str
    world: World
    odoo: OdooTarget

    def usage(self) -> list[dict[str, Any]]:
        """Odoo's usage rows of the service, by subscription and metric's code."""
        rows: list[dict[str, Any]] = self.odoo.ask(
            "fusion.billing.usage",
            "search_read",
            domain=[["service_id.code", "=", self.world.code]],
            fields=[
                "subscription_id",
                "metric_id",
                "quantity",
                "overage",
                "amount",
                "revision",
            ],
        )
        return sorted(rows, key=lambda r: (r["subscription_id"][0], r["metric_id"][1]))


def catalog_file(folder: Path, text: str = CATALOG) -> tuple[str, Path]:
    """A catalog of a service that no other test has; its code and the file."""
    code = f"bridge-{_RUN}-{next(_numbers)}"
    path = folder / f"{code}.yaml"
    path.write_text(text.format(code=code), encoding="utf-8")
    return code, path


def target_settings(odoo: OdooTarget, protocol: str = "json2") -> Settings:
    """Settings that name the stand-in."""
    return settings_for(
        odoo.url,
        ODOO_DATABASE=odoo.database,
        ODOO_LOGIN=odoo.login,
        ODOO_API_KEY=odoo.api_key,
        ODOO_PROTOCOL=protocol,
    )


@contextmanager
def bridge_to(
    odoo: OdooTarget, database_url: str, folder: Path, protocol: str
) -> Iterator[Bridge]:
    """The bridge, with the catalog loaded through it."""
    code, path = catalog_file(folder)
    with connect(target_settings(odoo, protocol)) as client:
        report = load_catalog_file(path, client, database_url)
        assert report.faults == ()
        with connect_ledger(database_url) as conn:
            assert known_names(conn, code, "plans", ["plan"]) == {"plan"}
            row = conn.execute("SELECT id FROM service WHERE code = %s", (code,))
            found = row.fetchone()
        assert found is not None
        world = World(code, found[0], ("sub-0", "sub-1"))
        yield Bridge(client, database_url, world, odoo)


def now() -> datetime:
    """The clock that the push is given."""
    return datetime.now(UTC)


class Between:
    """A client that does something between Odoo's answer and its caller."""

    def __init__(self, client: OdooClient, action: Any) -> None:
        self._client = client
        self._action = action

    def call(self, model: str, method: str, **named: Any) -> Any:
        """As the client's; nothing in between."""
        return self._client.call(model, method, **named)

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        """As the client's, then the action."""
        answer = self._client.repeat(model, method, **named)
        self._action(named)
        return answer


class TooMany:
    """A client of an Odoo that kills calls of too many rows, after their time."""

    def __init__(self, client: OdooClient, most: int) -> None:
        self._client = client
        self._most = most

    def call(self, model: str, method: str, **named: Any) -> Any:
        """As the client's, unless it has too many rows."""
        if len(named.get("rows", ())) > self._most:
            raise OdooTimeoutError("Odoo did not answer in time")
        return self._client.call(model, method, **named)

    repeat = call


def rollup_state(database_url: str) -> list[Mapping[str, Any]]:
    """revision, pushed_revision, push_attempts, push_error of each rollup, in order."""
    with connect_ledger(database_url) as conn:
        rows = conn.execute(
            "SELECT revision, pushed_revision, push_attempts, push_error FROM rollup "
            "ORDER BY subscription_id, metric_id, period_start"
        ).fetchall()
    names = ("revision", "pushed_revision", "push_attempts", "push_error")
    return [dict(zip(names, row, strict=True)) for row in rows]
