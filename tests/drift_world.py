"""A ledger and an Odoo that say the same, until a person changes something in Odoo."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.db import Connection
from ledger.db import connect as connect_ledger
from odoo_bridge.difference import Difference
from odoo_bridge.drift import find_drift
from odoo_bridge.push import push_rollups
from tests.bridge_world import Bridge, bridge_to, now
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import NOW_US, counter, make_message, push

USAGE = "fusion.billing.usage"


@dataclass
class Pair:
    """A bridge whose two sides were brought together, and the comparison of them."""

    bridge: Bridge
    conn: Connection
    pulls: list[str] = field(default_factory=list)
    taken: int = 0

    def count(
        self, *values: str, subscription: str = "sub-0", at_us: int = NOW_US
    ) -> None:
        """Take counters into the ledger; nothing is pushed."""
        items = []
        for value in values:
            self.taken += 1
            name, at = f"c{self.taken}", at_us
            items.append(
                counter(name, value=value, subscription=subscription, timestamp_us=at)
            )
        push(self.conn, make_message(self.bridge.world, items))

    def push(self) -> None:
        push_rollups(self.bridge.client, self.bridge.database_url, now)

    def drift(self, client: Any = None) -> list[Difference]:
        self.conn.autocommit = True
        pages = find_drift(
            client or self.bridge.client,
            self.conn,
            self.bridge.world.code,
            lambda: self.pulls.append("looked again"),
        )
        try:
            return [found for page in pages for found in page.differences]
        finally:
            self.conn.autocommit = False

    def rows(self) -> list[int]:
        """The ids of Odoo's rows of usage."""
        return [row["id"] for row in self.bridge.usage()]

    def by_hand(self, method: str, ids: list[int], **more: Any) -> Any:
        return self.bridge.odoo.ask(USAGE, method, ids=ids, **more)

    def names(self) -> list[str]:
        """The rollups, as findings name them."""
        rows = self.conn.execute(
            "SELECT b.external_id || ' / ' || m.code || ' / ' ||"
            " to_char(r.period_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
            " FROM rollup r JOIN subscription b ON b.id = r.subscription_id"
            " JOIN metric m ON m.id = r.metric_id ORDER BY 1"
        ).fetchall()
        self.conn.commit()
        return [row[0] for row in rows]


@contextmanager
def converged(odoo: OdooTarget, database_url: str, folder: Path) -> Iterator[Pair]:
    """Two subscriptions with usage that Odoo has."""
    with (
        bridge_to(odoo, database_url, folder, "json2") as bridge,
        connect_ledger(database_url) as conn,
    ):
        pair = Pair(bridge, conn)
        pair.count("5", "7")
        pair.count("250.5", subscription="sub-1")
        pair.push()
        yield pair
