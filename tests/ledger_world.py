"""A service with one subscription per plan, as tests of the ledger need it."""

import itertools
import uuid
from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ledger.batches import apply_batch, take_batch
from ledger.catalog import (
    ChargeRow,
    CustomerRow,
    MetricRow,
    PlanRow,
    ServiceRow,
    SubscriptionRow,
    upsert_customer,
    upsert_metric,
    upsert_plan,
    upsert_service,
    upsert_subscription,
)
from ledger.chain import seal_page
from ledger.db import Connection
from ledger.freezing import freeze_round
from schemas.batch_wire import decode_batch, encode_batch
from schemas.messages import BatchMessage, Counter, Rejection

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
AGGREGATIONS = ("sum", "max", "last", "unique", "count")

_numbers = itertools.count(1)
_odoo_ids = itertools.count(2_000_000_000)


def _odoo_id() -> int:
    """One that no Odoo of a test deals out: a shared stack has both."""
    return next(_odoo_ids)


@dataclass(frozen=True)
class World:
    """A service, its key in the ledger and its subscriptions' external ids."""

    code: str
    service_id: int
    subscriptions: tuple[str, ...]


def make_world(
    conn: Connection, subscriptions: int = 2, charges: tuple[ChargeRow, ...] = ()
) -> World:
    """A new service with a metric per aggregation, named like it; commits.

    To the ledger its subscriptions have been there since they began.
    """
    code = f"service-{next(_numbers)}"
    service_id = upsert_service(conn, ServiceRow(code, code, "live", _odoo_id()))
    for aggregation in AGGREGATIONS:
        row = MetricRow(code, aggregation, aggregation, aggregation, "", _odoo_id())
        upsert_metric(conn, row)
    upsert_plan(
        conn, PlanRow(code, "plan", "plan", "monthly", "CAD", "0", charges, _odoo_id())
    )
    upsert_customer(conn, CustomerRow(code, "customer", "Customer", None, _odoo_id()))
    names = tuple(f"sub-{number}" for number in range(subscriptions))
    for name in names:
        add_subscription(conn, code, name)
    conn.execute("UPDATE subscription SET created_at = started_at")
    conn.commit()
    return World(code, service_id, names)


def add_subscription(conn: Connection, service: str, external_id: str) -> None:
    """A monthly subscription in Toronto that began with 2026."""
    upsert_subscription(
        conn,
        SubscriptionRow(
            service,
            external_id,
            "customer",
            "plan",
            STARTED,
            None,
            "America/Toronto",
            "calendar",
            _odoo_id(),
        ),
    )


def make_message(
    world: World,
    counters: Sequence[Counter],
    rejections: Sequence[Rejection] = (),
    batch_id: str | None = None,
) -> BatchMessage:
    """A message as it comes out of the broker; items are numbered in their order."""
    numbered = tuple(
        Counter(index, *list(counter.__dict__.values())[1:])
        for index, counter in enumerate(counters)
    )
    message = BatchMessage(
        batch_id or str(uuid.uuid4()),
        world.service_id,
        NOW_US,
        len(numbered) + len(rejections),
        numbered,
        tuple(rejections),
    )
    return decode_batch(encode_batch(message))


def push(conn: Connection, message: BatchMessage, now: datetime = NOW) -> Tally[str]:
    """Take and apply a message as a worker does, in two transactions."""
    take_batch(conn, message)
    conn.commit()
    tally = apply_batch(conn, message, now)
    conn.commit()
    return tally


def freeze(conn: Connection, world: World, now: datetime) -> int:
    """Freeze and seal what is due by then; answers how many periods."""
    frozen = 0
    while (done := freeze_round(conn, world.service_id, now)).looked_at:
        assert done.failures == []
        conn.commit()
        frozen += done.frozen
    while seal_page(conn):
        conn.commit()
    conn.commit()
    return frozen


def counter(
    transaction_id: str,
    code: str = "sum",
    value: str | None = "1",
    members: tuple[str, ...] | None = None,
    subscription: str = "sub-0",
    timestamp_us: int = NOW_US,
    properties: str | None = None,
    timestamp_given: bool = True,
) -> Counter:
    """A counter with everything that a test does not care about filled in."""
    named = (0, transaction_id, subscription, code, timestamp_us)
    return Counter(*named, value, members, properties, timestamp_given)


def event(transaction_id: str, properties: str | None, code: str = "sum") -> Counter:
    """A counter whose value, if any, is among its properties."""
    return counter(transaction_id, code, None, properties=properties)
