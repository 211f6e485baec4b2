"""Charges with filters and groups, as a catalog may bring them."""

import json

from ledger.charge import Charge
from ledger.charge_json import charge_json
from ledger.db import Connection
from tests.ledger_world import World


def set_charge(conn: Connection, world: World, code: str, charge: Charge) -> None:
    """Give a metric's charge these terms, as if it had always had them; commits."""
    stored = charge_json(charge) or {}
    with conn.transaction():
        conn.execute("SET LOCAL session_replication_role = replica")
        conn.execute(
            "UPDATE charge SET model = %(model)s, included = %(included)s::numeric,"
            " price = %(price)s::numeric, package_size = %(package_size)s::numeric,"
            " tiers = %(tiers)s, minimum = %(minimum)s::numeric, fixed = %(fixed)s,"
            " free_events = %(free_events)s, group_keys = %(group_keys)s,"
            " filters = %(filters)s, display_name = %(display_name)s"
            " WHERE metric_id = (SELECT id FROM metric WHERE code = %(code)s"
            " AND service_id = %(service_id)s)",
            {
                **stored,
                "tiers": json.dumps(stored["tiers"]),
                "filters": json.dumps(stored.get("filters", [])),
                "fixed": charge.fixed,
                "free_events": charge.free_events,
                "group_keys": list(charge.group_keys),
                "display_name": charge.display_name,
                "code": code,
                "service_id": world.service_id,
            },
        )
    conn.commit()
