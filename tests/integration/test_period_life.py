"""P2, P4, P7, P8, P14 over a period's whole life, against a model that bills by hand.

The model keeps the counters that count, and what was billed for each period; a bill of
a period is what it comes to now, and for every earlier one what it comes to now less
what was billed for it.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ledger.catalog import ChargeRow
from ledger.charge_json import charge_from_json
from ledger.periods import Terms, period_at
from ledger.place import EPOCH
from ledger.verify import verify_books
from ledger.voiding import CounterUnknown, Identity, void_counter
from schemas.messages import Counter
from tests import model
from tests.ledger_world import (
    AGGREGATIONS,
    STARTED,
    counter,
    freeze,
    make_message,
    make_world,
    push,
)
from tests.rate import rate_quantity

TERMS = Terms("monthly", "calendar", "America/Toronto", STARTED, None)
GRACE = timedelta(hours=48)
ZERO = Decimal(0)
TIERS: tuple[dict[str, str | None], ...] = (
    {"up_to": "5", "unit_price": "0.5", "flat_price": "1"},
    {"up_to": None, "unit_price": "0.25", "flat_price": "2"},
)
CHARGES = (
    ChargeRow("sum", "package", "10", "0.0075", "3", ()),
    ChargeRow("max", "standard", "1", "0.333333", None, ()),
    ChargeRow("last", "graduated", "0", "0", None, TIERS),
    ChargeRow("unique", "volume", "1", "0", None, TIERS),
    ChargeRow("count", "percentage", "2", "7.5", None, ()),
)
NUMBERS = st.decimals(-20, 2000, places=6).map(lambda number: format(number, "f"))
MEMBERS = st.lists(st.sampled_from("abcdé"), min_size=1, max_size=3, unique=True)
IDS = st.sampled_from(["a", "b", "B"])
OPERATIONS = st.sampled_from([None, None, "add", "remove"])
AGES = st.sampled_from([0, 1, 10, 35, 36, 70, 100]).map(lambda d: timedelta(days=d))


@dataclass
class Books:
    """The model: counters that count, and quantity and amount billed by line."""

    counters: dict[tuple[str, str], Counter] = field(default_factory=dict)
    frozen: list[datetime] = field(default_factory=list)
    billed: dict[tuple[datetime, str, datetime], tuple[Decimal, Decimal]] = field(
        default_factory=dict
    )

    def usage(self, code: str, period: datetime) -> Decimal:
        """What a period's counters fold to now."""
        kept = [c for c in self.counters.values() if c.code == code]
        mine = [c for c in kept if start_of(c.timestamp_us) == period]
        return model.fold(mine, code) if mine else ZERO

    def line(
        self, charges: dict[str, object], code: str, usage: datetime
    ) -> tuple[Decimal, Decimal]:
        """Quantity and amount that are not billed yet."""
        lines = [v for (_, c, u), v in self.billed.items() if (c, u) == (code, usage)]
        quantity = self.usage(code, usage)
        amount = rate_quantity(charges[code], quantity, "CAD").amount  # type: ignore[arg-type]
        return (
            quantity - sum((q for q, _ in lines), ZERO),
            amount - sum((a for _, a in lines), ZERO),
        )

    def freeze(self, charges: dict[str, object], period: datetime) -> None:
        """Bill a period, with what has become of the ones before it."""
        for code in AGGREGATIONS:
            self.billed[period, code, period] = self.line(charges, code, period)
            for earlier in self.frozen:
                line = self.line(charges, code, earlier)
                if line != (ZERO, ZERO):
                    self.billed[period, code, earlier] = line
        self.frozen.append(period)


def start_of(timestamp_us: int) -> datetime:
    period = period_at(TERMS, EPOCH + timedelta(microseconds=timestamp_us))
    assert period is not None
    return period.start


class PeriodLife(RuleBasedStateMachine):
    """Push, push again, take back, and let time pass; in any order."""

    database_url: str

    @initialize(code=st.sampled_from(AGGREGATIONS))
    def begin(self, code: str) -> None:
        self.code = code
        self.conn = psycopg.connect(self.database_url)
        self.world = make_world(self.conn, subscriptions=1, charges=CHARGES)
        self.books = Books()
        self.now = STARTED + timedelta(days=20)
        rows = self.conn.execute(
            "SELECT m.code, jsonb_build_object('model', c.model, 'included',"
            " c.included::text, 'price', c.price::text, 'package_size',"
            " c.package_size::text, 'tiers', c.tiers, 'minimum', c.minimum::text,"
            " 'rounding', m.rounding, 'rounding_precision', m.rounding_precision)"
            " FROM charge c JOIN metric m ON m.id = c.metric_id"
            " WHERE m.service_id = %s",
            (self.world.service_id,),
        )
        self.charges = {code: charge_from_json(row) for code, row in rows}

    def teardown(self) -> None:
        if hasattr(self, "conn"):
            self.conn.close()

    @rule(
        transaction_id=IDS,
        number=NUMBERS,
        members=MEMBERS,
        age=AGES,
        operation=OPERATIONS,
    )
    def push(
        self,
        transaction_id: str,
        number: str,
        members: list[str],
        age: timedelta,
        operation: str | None,
    ) -> None:
        code = self.code
        instant = max(self.now - age, STARTED)
        item = counter(
            transaction_id,
            code,
            None if code == "unique" else number,
            tuple(sorted(members)) if code == "unique" else None,
            timestamp_us=(instant - EPOCH) // timedelta(microseconds=1),
            properties=operation and f'{{"operation_type": "{operation}"}}',
        )
        tally = push(self.conn, make_message(self.world, [item, item]), self.now)
        known = self.books.counters.setdefault((code, transaction_id), item)
        fresh = known is item
        assert tally["applied"] == fresh
        assert tally["duplicate"] + tally["conflict"] == 2 - fresh

    @rule(transaction_id=IDS)
    def void(self, transaction_id: str) -> None:
        known = self.books.counters.pop((self.code, transaction_id), None)
        identity = Identity("sub-0", self.code, transaction_id)
        try:
            void = void_counter(
                self.conn, self.world.service_id, identity, self.now, "me", "a slip"
            )
        except CounterUnknown:
            assert known is None
        else:
            if known is not None:
                assert void.voided_at == self.now
        self.conn.commit()

    @rule(days=st.sampled_from([1, 3, 20, 40]))
    def let_time_pass(self, days: int) -> None:
        self.now += timedelta(days=days)
        freeze(self.conn, self.world, self.now)
        while True:
            last = self.books.frozen[-1] if self.books.frozen else None
            instant = STARTED if last is None else period_end(last)
            if period_end(instant) + GRACE > self.now:
                return
            self.books.freeze(self.charges, instant)  # type: ignore[arg-type]

    @invariant()
    def the_bills_are_those_of_the_model(self) -> None:
        if not hasattr(self, "conn"):
            return
        rows = self.conn.execute(
            "SELECT r.period_start, m.code, r.usage_start, r.quantity - r.base,"
            " r.amount FROM rollup r JOIN metric m ON m.id = r.metric_id"
            " JOIN subscription b ON b.id = r.subscription_id"
            " WHERE b.service_id = %s AND r.frozen_at IS NOT NULL",
            (self.world.service_id,),
        )
        bills = {
            (start, code, usage): (quantity, amount)
            for start, code, usage, quantity, amount in rows
            if start == usage or (quantity, amount) != (ZERO, ZERO)
        }
        assert bills == self.books.billed

    @invariant()
    def what_is_not_frozen_is_what_is_left(self) -> None:
        if not hasattr(self, "conn"):
            return
        rows = self.conn.execute(
            "SELECT m.code, r.usage_start, r.quantity - r.base"
            " FROM rollup r JOIN metric m ON m.id = r.metric_id"
            " JOIN subscription b ON b.id = r.subscription_id"
            " WHERE b.service_id = %s AND r.frozen_at IS NULL",
            (self.world.service_id,),
        )
        left: dict[tuple[str, datetime], Decimal] = defaultdict(Decimal)
        for code, usage, quantity in rows:
            left[code, usage] += quantity
        for code in AGGREGATIONS:
            for item in self.books.counters.values():
                usage = start_of(item.timestamp_us)
                wanted, _ = self.books.line(self.charges, code, usage)  # type: ignore[arg-type]
                assert left[code, usage] == wanted

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "conn"):
            return
        with psycopg.connect(self.database_url) as fresh:
            (proof,) = verify_books(fresh, self.world.code)
        assert proof.mismatches == []


def period_end(instant: datetime) -> datetime:
    period = period_at(TERMS, instant)
    assert period is not None
    return period.end


def test_any_history_of_pushes_voids_and_freezes_bills_as_by_hand(
    database_url: str,
) -> None:
    machine = type("Machine", (PeriodLife,), {"database_url": database_url})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            phases=[Phase.generate],  # a history is short enough as it is
            suppress_health_check=list(HealthCheck),
        ),
    )
