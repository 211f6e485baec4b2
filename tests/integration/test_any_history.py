"""P2 to P8: whatever happens to a subscription, in whatever order, the books agree.

Pushes of old and new usage with duplicates and conflicts, changes of terms, plans,
intervals and aggregations, freezes, voids and archives, by chance; after each step
``verify`` folds, rates and seals everything again.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger.archiving import Archive, archive_counters
from ledger.catalog import (
    ChargeRow,
    MetricRow,
    PlanRow,
    SubscriptionRow,
    upsert_metric,
    upsert_plan,
    upsert_subscription,
)
from ledger.db import Connection
from ledger.verify import verify_books
from ledger.voiding import CounterArchived, CounterUnknown, Identity, void_counter
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

DAY = timedelta(days=1)
PLANS = {"plan": "monthly", "gold": "weekly", "silver": "quarterly"}
OPERATIONS = (None, None, '{"operation_type":"remove"}', '{"region":"eu"}')
MEMBERS = ("1", "2", "a\\b", "c\n")


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}T12:00:00+00:00")


@dataclass
class History:
    """A subscription, and what may happen to it. ``log``: what did."""

    conn: Connection
    url: str
    folder: Path
    chance: random.Random
    world: World
    charges: tuple[ChargeRow, ...]
    now: datetime = STARTED + 25 * DAY
    names: list[tuple[str, str]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    terms: dict[str, Any] = field(
        default_factory=lambda: {
            "customer": "customer",
            "plan": "plan",
            "started_at": STARTED,
            "ended_at": None,
            "timezone": "UTC",
            "anchor": "calendar",
        }
    )

    def begin(self) -> None:
        """Plans, and the subscription, which the ledger knows since its start."""
        for code, interval in PLANS.items():
            self.write_plan(code, interval)
        self.subscribe()
        self.conn.execute("UPDATE subscription SET created_at = started_at")

    def write_plan(self, code: str, interval: str) -> None:
        row = (self.world.code, code, code, interval, "CAD", "0", self.charges, 3)
        upsert_plan(self.conn, PlanRow(*row))

    def subscribe(self) -> None:
        row = SubscriptionRow(self.world.code, "sub-0", odoo_id=1, **self.terms)
        upsert_subscription(self.conn, row)

    def push(self) -> None:
        items = []
        for _ in range(self.chance.randint(1, 8)):
            if not self.names or self.chance.random() < 0.7:
                name = f"c{len(self.names)}\\\t{len(self.names) % 3}"
                self.names.append((self.chance.choice(AGGREGATIONS), name))
            code, name = self.chance.choice(self.names[-8:])
            at = STARTED + self.chance.random() * (self.now - STARTED)
            some = self.chance.sample(MEMBERS, self.chance.randint(1, 3))
            listed = self.chance.random() < 0.3
            items.append(
                counter(
                    name,
                    code,
                    None if listed else str(self.chance.randint(-3, 50)),
                    tuple(some) if listed else None,
                    timestamp_us=int(at.timestamp()) * 1_000_000,
                    properties=self.chance.choice(OPERATIONS),
                )
            )
        push(self.conn, make_message(self.world, items), self.now)

    def change_terms(self) -> None:
        starts = [STARTED, day("01-20"), day("03-07"), self.now - 10 * DAY]
        ends = [None, None, day("04-11"), self.now - 5 * DAY, self.now - 20 * DAY]
        choices: dict[str, list[Any]] = {
            "started_at": starts,
            "ended_at": ends,
            "timezone": ["UTC", "America/Vancouver", "Asia/Tokyo"],
            "anchor": ["calendar", "anniversary"],
        }
        name = self.chance.choice(list(choices))
        self.terms[name] = self.chance.choice(choices[name])
        if (
            self.terms["ended_at"]
            and self.terms["ended_at"] <= self.terms["started_at"]
        ):
            self.terms["ended_at"] = None
        self.subscribe()

    def change_plan(self) -> None:
        self.terms["plan"] = self.chance.choice(list(PLANS))
        self.subscribe()

    def change_interval(self) -> None:
        self.write_plan("plan", self.chance.choice(["weekly", "monthly", "yearly"]))

    def change_aggregation(self) -> None:
        code, other = self.chance.choices(AGGREGATIONS, k=2)
        upsert_metric(self.conn, MetricRow(self.world.code, code, code, other, "", 1))

    def let_time_pass(self) -> None:
        self.now += self.chance.randint(5, 60) * DAY
        freeze(self.conn, self.world, self.now)

    def void(self) -> None:
        if not self.names:
            return
        identity = Identity("sub-0", *self.chance.choice(self.names))
        key = self.world.service_id
        try:
            void_counter(self.conn, key, identity, self.now, "me", "a slip")
        except (CounterArchived, CounterUnknown) as error:
            self.log.append(type(error).__name__)

    def archive(self) -> None:
        key, code = self.world.service_id, self.world.code
        with psycopg.connect(self.url, autocommit=True) as own:
            run = Archive(own, key, code, self.folder, self.now)
            list(archive_counters(run, self.chance.choice([1, 3])))

    def step(self) -> None:
        """Let something happen, and prove the books."""
        steps: tuple[Callable[[], None], ...] = (
            *(self.push, self.push, self.push, self.change_terms, self.change_plan),
            *(self.change_interval, self.change_aggregation, self.let_time_pass),
            *(self.void, self.archive),
        )
        happens = self.chance.choice(steps)
        self.log.append(happens.__name__)
        happens()
        self.conn.commit()
        with psycopg.connect(self.url) as fresh:
            (proof,) = verify_books(fresh, self.world.code)
        assert proof.mismatches == [], self.log


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.randoms(use_true_random=False))
def test_the_books_agree_after_each_step_of_any_history(
    conn: Connection, database_url: str, tmp_path: Path, chance: random.Random
) -> None:
    charges = tuple(
        ChargeRow(metric, "standard", "0", "1", None, (), chance.choice(["0", "10"]))
        for metric in AGGREGATIONS
        if chance.random() < 0.7
    )
    world = make_world(conn, subscriptions=0, charges=charges)
    history = History(conn, database_url, tmp_path, chance, world, charges)
    history.begin()
    conn.commit()

    for _ in range(chance.randint(8, 20)):
        history.step()
