"""Events in the stand-in, a ledger that takes them, and a bridge that may be killed."""

import itertools
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.contract.odoo_target import OdooTarget

WEBHOOK = "fusion.billing.webhook"
SERVICE = "fusion.billing.service"

_numbers = itertools.count(1)

BRIDGE = """
import os, signal, sys
from datetime import UTC, datetime
from odoo_bridge.client import connect
from odoo_bridge.events import take_events
from schemas.settings import load_settings

class Dying:
    def __init__(self, client, method, after):
        self.client, self.method, self.after = client, method, after

    def repeat(self, model, method, **named):
        if method == self.method and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = self.client.repeat(model, method, **named)
        if method == self.method:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

settings = load_settings(os.environ)
with connect(settings) as client:
    if len(sys.argv) > 1:
        client = Dying(client, sys.argv[1], sys.argv[2] == "after")
    take_events(client, settings.database_url, datetime.now(UTC))
"""


@dataclass(frozen=True)
class Told:
    """A live service in Odoo; its events' keys have a prefix of the test's own."""

    odoo: OdooTarget
    code: str
    prefix: str

    def tell(self, *keys: str, **more: Any) -> None:
        """An event for each key, told of a customer; ``more`` replaces its values."""
        (service_id,) = self.odoo.ask(
            SERVICE, "search", domain=[["code", "=", self.code]]
        )
        rows = [
            {
                "service_id": service_id,
                "key": self.prefix + key,
                "event": "customer.updated",
                "payload": {"customer": customer(key)},
                **more,
            }
            for key in keys
        ]
        self.odoo.ask(WEBHOOK, "create", vals_list=rows)

    def states(self) -> dict[str, str]:
        """The state of each of the test's events, by key without prefix."""
        rows = self.rows("key", "state")
        return {row["key"].removeprefix(self.prefix): row["state"] for row in rows}

    def rows(self, *names: str) -> list[dict[str, Any]]:
        """The test's events as Odoo has them, oldest first."""
        domain = [["key", "=like", f"{self.prefix}%"]]
        rows = self.odoo.ask(
            WEBHOOK, "search_read", domain=domain, fields=list(names), order="id"
        )
        return list(rows)


def customer(external_id: str) -> dict[str, Any]:
    """What customer.updated tells."""
    return {
        "external_id": external_id,
        "customer_type": "company",
        "updated_at": "2026-03-01T05:00:00Z",
    }


def live_service(odoo: OdooTarget, code: str | None = None) -> Told:
    """A new live service in Odoo, whose ledger does not know it yet."""
    told = Told(odoo, code or f"told-{next(_numbers)}", f"{uuid.uuid4().hex}.")
    row = {"code": told.code, "name": "Told", "mode": "live"}
    (result,) = odoo.ask(SERVICE, "apply_catalog", kind="service", rows=[row])
    assert result["status"] in ("created", "unchanged"), result
    return told


def take_all_pending(odoo: OdooTarget) -> None:
    """Leave nothing that other tests have told."""
    while rows := odoo.ask(WEBHOOK, "fetch_events"):
        marks = [{"key": row["key"], "state": "taken"} for row in rows]
        odoo.ask(WEBHOOK, "mark_events", rows=marks)


def outbox(conn: psycopg.Connection) -> list[tuple[str, Any]]:
    """(type, body) of every message, oldest first."""
    rows = conn.execute(
        "SELECT type, convert_from(body, 'UTF8')::json FROM webhook_message "
        "ORDER BY created_at, body"
    ).fetchall()
    conn.rollback()
    return [(row[0], row[1]) for row in rows]


def start_bridge(
    odoo: OdooTarget, database_url: str, *dying: str
) -> subprocess.Popen[bytes]:
    """A process that takes what is pending once.

    ``dying``: a method and "before" or "after": it kills itself around that call.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "DATABASE_URL": database_url,
        "BROKER_URL": "redis://nowhere",
        "FUSION_SECRET_KEY": "A" * 43 + "=",
        "ODOO_URL": odoo.url,
        "ODOO_DATABASE": odoo.database,
        "ODOO_LOGIN": odoo.login,
        "ODOO_API_KEY": odoo.api_key,
    }
    return subprocess.Popen([sys.executable, "-c", BRIDGE, *dying], env=environment)
