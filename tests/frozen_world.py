"""A ledger with everything that proof and retention look at.

January and February are frozen and sealed, March too; the bill of February has a
correction of January with late usage and a void, March has one in an open correction.
"""

from datetime import UTC, datetime, timedelta

from ledger.catalog import ChargeRow
from ledger.db import Connection
from ledger.place import EPOCH
from ledger.voiding import Identity, void_counter
from schemas.messages import Counter
from tests.ledger_world import World, counter, freeze, make_message, make_world, push

CHARGES = (
    ChargeRow("sum", "package", "10", "0.0075", "3", ()),
    ChargeRow("max", "standard", "1", "0.333333", None, ()),
    ChargeRow("unique", "standard", "1", "2", None, ()),
)
JANUARY = datetime(2026, 1, 10, 12, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 10, 12, tzinfo=UTC)
MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 10, 12, tzinfo=UTC)
WHO, WHY = "ann@nexa.example", "metered twice"


def at(instant: datetime, name: str, code: str = "sum", value: str = "7") -> Counter:
    """A counter of the first subscription at an instant."""
    us = (instant - EPOCH) // timedelta(microseconds=1)
    return counter(name, code, value, timestamp_us=us)


def void(conn: Connection, world: World, name: str, now: datetime) -> None:
    """Take one of its ``sum`` counters back; commits."""
    void_counter(conn, world.service_id, Identity("sub-0", "sum", name), now, WHO, WHY)
    conn.commit()


def frozen_world(
    conn: Connection, open_correction: bool = True, subscriptions: int = 2
) -> World:
    """The world above, as of 10 April 2026; commits."""
    world = make_world(conn, subscriptions, CHARGES)
    push(
        conn,
        make_message(
            world,
            [
                at(JANUARY, "j1"),
                at(JANUARY, "j2", value="9.50"),
                at(JANUARY, "j-void"),
                at(JANUARY, "m1", "max", "3"),
                at(JANUARY, "u1", "unique", "ann"),
                at(JANUARY, "c1", "count"),
            ],
        ),
        JANUARY,
    )
    void(conn, world, "j-void", JANUARY)
    freeze(conn, world, FEBRUARY)
    late = [
        at(JANUARY, "j-late", value="20"),
        at(JANUARY, "u-late", "unique", "bob"),
        at(FEBRUARY, "f1"),
        at(FEBRUARY, "f-void"),
    ]
    push(conn, make_message(world, late), FEBRUARY)
    void(conn, world, "j2", FEBRUARY)
    freeze(conn, world, MARCH)
    push(conn, make_message(world, [at(MARCH, "r1"), at(MARCH, "r2")]), MARCH)
    void(conn, world, "f-void", MARCH)
    freeze(conn, world, APRIL)
    if open_correction:
        push(conn, make_message(world, [at(MARCH, "r-late")]), APRIL)
        void(conn, world, "r2", APRIL)
    push(conn, make_message(world, [at(APRIL, "a1")]), APRIL)
    return world
