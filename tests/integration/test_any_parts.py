"""P4, P7, P8, P14 of charges by parts: any history bills as one would by hand.

Pushes with properties, late ones and duplicates, voids and freezes, by chance. The
model keeps the events, and what was billed for each period of usage.
"""

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger.catalog import ChargeRow
from ledger.charge import Charge
from ledger.current_usage import current_usage
from ledger.db import Connection
from ledger.periods import Terms, period_at
from ledger.place import EPOCH
from ledger.verify import verify_books
from ledger.voiding import CounterUnknown, Identity, void_counter
from tests import parts_model
from tests.ledger_world import (
    AGGREGATIONS,
    STARTED,
    World,
    counter,
    freeze,
    make_message,
    make_world,
    push,
)
from tests.parts_model import VALUES, Event, charges
from tests.parts_world import set_charge

TERMS = Terms("monthly", "calendar", "America/Toronto", STARTED, None)
GRACE = timedelta(hours=48)
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
BY_HAND = ("standard", "package", "graduated", "volume", "percentage")


def start_of(instant: datetime) -> datetime:
    period = period_at(TERMS, instant)
    assert period is not None
    return period.start


@dataclass
class Books:
    """A subscription's metric, its charge, and the model beside it."""

    conn: Connection
    url: str
    chance: random.Random
    world: World
    code: str
    charge: Charge
    now: datetime = STARTED + 20 * DAY
    events: dict[str, Event] = field(default_factory=dict)
    frozen: list[datetime] = field(default_factory=list)
    billed: dict[datetime, Fraction] = field(
        default_factory=lambda: defaultdict(Fraction)
    )

    def push(self) -> None:
        """Some counters, some of them again, in one batch."""
        new = [self.any_event() for _ in range(self.chance.randint(1, 6))]
        items = [self.counter_of(self.events.setdefault(e.name, e)) for e in new]
        again = self.chance.sample(items, self.chance.randint(0, len(items)))
        tally = push(self.conn, make_message(self.world, [*items, *again]), self.now)
        assert tally["conflict"] == tally["rejected"] == tally["parked"] == 0

    def any_event(self) -> Event:
        at = self.now - self.chance.choice([0, 0, 1, 35, 70]) * DAY
        told = {
            key: self.chance.choice([*VALUES, None])
            for key in ("region", "tier", "zone")
            if self.chance.random() < 0.6
        }
        if self.code == "unique" and self.chance.random() < 0.3:
            told["operation_type"] = self.chance.choice(["remove", "add"])
        value = Decimal(self.chance.randint(-5_000, 50_000)).scaleb(-3)
        at_us = (max(at, STARTED) - EPOCH) // MICROSECOND
        name = f"{self.chance.choice('abB')}{self.chance.randint(0, 30)}"
        return Event(name, at_us, value, told, self.chance.choice("xyzé"))

    def counter_of(self, event: Event) -> Any:
        unique = self.code == "unique"
        return counter(
            event.name,
            self.code,
            event.member if unique else format(event.value, "f"),
            timestamp_us=event.at,
            properties=json.dumps(event.properties) if event.properties else None,
        )

    def void(self) -> None:
        name = self.chance.choice([*self.events, "none"])
        known = self.events.pop(name, None)
        identity = Identity("sub-0", self.code, name)
        key = self.world.service_id
        try:
            void_counter(self.conn, key, identity, self.now, "me", "a slip")
        except CounterUnknown:
            assert known is None
        self.conn.commit()

    def let_time_pass(self) -> None:
        self.now += self.chance.choice([1, 3, 20, 40]) * DAY
        freeze(self.conn, self.world, self.now)
        while True:
            at = STARTED if not self.frozen else end_of(self.frozen[-1])
            if end_of(at) + GRACE > self.now:
                return
            self.frozen.append(at)
            for usage in self.frozen:
                self.billed[usage] = self.comes_to(usage)

    def comes_to(self, usage: datetime) -> Fraction:
        """What a period's usage costs by now."""
        its = [
            event
            for event in self.events.values()
            if start_of(EPOCH + event.at * MICROSECOND) == usage
        ]
        return parts_model.bill(self.charge, its, self.code)

    def check(self) -> None:
        """Bills, current usage and the proof."""
        rows = self.conn.execute(
            "SELECT usage_start, sum(amount) FROM rollup r JOIN metric m ON"
            " m.id = metric_id WHERE m.service_id = %s AND m.code = %s"
            " AND frozen_at IS NOT NULL GROUP BY usage_start",
            (self.world.service_id, self.code),
        )
        assert dict(rows.fetchall()) == dict(self.billed)
        key = self.world.service_id
        usage = current_usage(self.conn, key, "customer", "sub-0", self.now)
        (line,) = (c for c in usage.charges if c.metric_code == self.code)
        if usage.period.start not in self.frozen:
            assert line.rating.amount == self.comes_to(usage.period.start)
        for correction in usage.corrections:
            start = correction.usage.start
            owed = self.comes_to(start) - self.billed[start]
            assert correction.rating.amount == owed
        self.conn.commit()
        with psycopg.connect(self.url) as fresh:
            (proof,) = verify_books(fresh, self.world.code)
        assert proof.mismatches == []


def end_of(instant: datetime) -> datetime:
    period = period_at(TERMS, instant)
    assert period is not None
    return period.end


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    st.randoms(use_true_random=False), st.sampled_from(AGGREGATIONS), charges(BY_HAND)
)
def test_any_history_of_a_charge_by_parts_bills_as_by_hand(
    conn: Connection,
    database_url: str,
    chance: random.Random,
    code: str,
    charge: Charge,
) -> None:
    row = ChargeRow(code, charge.model, "0", "1", "1", ())
    world = make_world(conn, subscriptions=1, charges=(row,))
    set_charge(conn, world, code, charge)
    books = Books(conn, database_url, chance, world, code, charge)

    for _ in range(chance.randint(6, 14)):
        step = chance.choice([books.push, books.push, books.void, books.let_time_pass])
        step()
        books.check()
