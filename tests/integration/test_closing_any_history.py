"""Whatever happens, in whatever order: each frozen period is billed exactly once.

Usage comes on time and late, periods freeze, rows are pushed, calls are made and
answered, workers die before they mark, subscriptions go to another customer in Odoo
and later in the ledger. In the end all of it is on one draft per client and period.
"""

import random
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.db import connect as connect_ledger
from tests.bridge_world import Between, Bridge, bridge_to
from tests.closing_world import (
    SERVICE,
    billed_amounts,
    bills,
    close_all,
    freeze_until,
    invoices,
    push_all,
    set_mode,
    use,
    write,
)
from tests.contract.odoo_target import OdooTarget

BEGIN = datetime(2026, 6, 20, tzinfo=UTC)
DAY = timedelta(days=1)
STEPS = 40


class Killed(BaseException):
    """The worker is gone, at this very line."""


class History:
    """A clock that only goes on, and what may happen at any time."""

    def __init__(self, bridge: Bridge, seed: int) -> None:
        self.bridge = bridge
        self.chance = random.Random(seed)
        self.now = BEGIN
        self.counters = 0

    def use(self) -> None:
        """Of any day since April: on time or late."""
        self.counters += 1
        day = self.now - DAY * self.chance.randrange(1, 80)
        value = str(self.chance.choice((40, 150, 333, -60)))
        sub = self.chance.choice(("sub-0", "sub-1"))
        use(self.bridge, f"c{self.counters}", day, value, sub)

    def freeze(self) -> None:
        freeze_until(self.bridge, self.now)

    def push(self) -> None:
        push_all(self.bridge, self.now)

    def close(self) -> None:
        close_all(self.bridge, self.now)

    def close_and_die(self) -> None:
        def die(named: Any) -> None:
            raise Killed

        with suppress(Killed):
            close_all(self.bridge, self.now, Between(self.bridge.client, die))

    def move_in_odoo(self) -> None:
        self.bridge.odoo.ask(
            SERVICE,
            "apply_catalog",
            kind="subscription",
            rows=[
                {
                    "service": self.bridge.world.code,
                    "external_id": self.chance.choice(("sub-0", "sub-1")),
                    "customer": self.chance.choice(("customer", "other")),
                    "plan": "plan",
                    "started_at": "2026-01-01 00:00:00",
                    "timezone": "UTC",
                    "anchor": "calendar",
                }
            ],
        )

    def pull(self) -> None:
        """Whose the subscriptions are by now."""
        rows = self.bridge.odoo.ask(
            "sale.order",
            "search_read",
            domain=[["x_fc_service_id.code", "=", self.bridge.world.code]],
            fields=["x_fc_external_id", "x_fc_account_link_id"],
        )
        for row in rows:
            (link,) = self.bridge.odoo.ask(
                "fusion.billing.account.link",
                "read",
                ids=[row["x_fc_account_link_id"][0]],
                fields=["external_id"],
            )
            write(
                self.bridge,
                "UPDATE subscription b SET customer_id = c.id FROM customer c, service"
                " s WHERE b.external_id = %s AND c.external_id = %s"
                " AND c.service_id = s.id AND b.service_id = s.id AND s.code = %s",
                row["x_fc_external_id"],
                link["external_id"],
            )

    def go_on(self) -> None:
        """An hour, or some days."""
        self.now += self.chance.choice((timedelta(hours=1), DAY, 9 * DAY))

    def live(self) -> None:
        """Any of these, and then all that is left."""
        acts: list[Callable[[], None]] = [
            *[self.use] * 3,
            *[self.close] * 2,
            *[self.go_on] * 3,
            self.freeze,
            self.push,
            self.close_and_die,
            self.move_in_odoo,
            self.pull,
        ]
        for _ in range(STEPS):
            self.chance.choice(acts)()
        self.pull()
        for _ in range(3):
            self.now += 35 * DAY
            self.freeze()
            self.push()
            self.close()
        for _ in range(3):
            self.now += DAY
            self.close()


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        set_mode(made, "live")
        other = {"service": made.world.code, "external_id": "other", "name": "Other"}
        made.odoo.ask(SERVICE, "apply_catalog", kind="customer", rows=[other])
        write(
            made,
            "INSERT INTO customer (service_id, external_id, name)"
            " SELECT id, 'other', 'Other' FROM service WHERE code = %s",
        )
        yield made


@pytest.mark.parametrize("seed", range(6))
def test_each_frozen_period_is_billed_exactly_once(bridge: Bridge, seed: int) -> None:
    history = History(bridge, seed)
    history.live()

    with connect_ledger(bridge.database_url) as conn:
        amounts = [
            amount
            for (amount,) in conn.execute(
                "SELECT amount FROM rollup WHERE frozen_at IS NOT NULL"
            )
        ]
    billed = billed_amounts(bridge)
    waits = [bill for bill in bills(bridge) if bill["status"] == "due"]
    assert waits == []
    assert Tally(a for _, a in billed if a) == Tally(a for a in amounts if a)
    assert len({usage for usage, _ in billed}) == len(billed)
    made = [(m["partner_id"][0], m["x_fc_period_start"]) for m in invoices(bridge)]
    assert len(set(made)) == len(made)
    assert {invoice["state"] for invoice in invoices(bridge)} <= {"draft"}
    assert sum(amounts) != Decimal(0), "a history without any usage shows nothing"
