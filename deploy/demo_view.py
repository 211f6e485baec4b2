"""What the demo's terminal shows: the books, Odoo, the bill, the webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ledger.rollups import Rollup
from ledger.usage import PeriodUsage

OdooKey = tuple[str, datetime]


@dataclass(frozen=True)
class View:
    """One moment of the demo. ``odoo``: quantity by metric and period start."""

    pushed: int
    accepted: int
    duplicates: int
    waiting_batches: int
    rollups: tuple[Rollup, ...]
    odoo: Mapping[OdooKey, Decimal]
    usage: PeriodUsage
    plan_price: Decimal
    webhooks_received: int
    webhooks_verified: int
    flower: str
    problem: str | None

    @property
    def agrees(self) -> bool:
        """Whether Odoo has exactly the ledger's rollups."""
        ledger = {(r.metric, r.period_start): r.quantity for r in self.rollups}
        return ledger == dict(self.odoo)


def draw(view: View) -> Group:
    """The view as tables."""
    books = Table("metric", "counters", "ledger", "Odoo", "bill", title_justify="left")
    for column in books.columns[1:]:
        column.justify = "right"
    bill = {c.metric_code: c.rating.amount for c in view.usage.charges}
    for rollup in view.rollups:
        in_odoo = view.odoo.get((rollup.metric, rollup.period_start))
        same = in_odoo == rollup.quantity
        books.add_row(
            rollup.metric,
            str(rollup.counters),
            _number(rollup.quantity),
            Text(_number(in_odoo), style="green" if same else "yellow"),
            f"{bill.get(rollup.metric, Decimal(0)):.2f}",
        )
    total = view.plan_price + view.usage.amount
    period = view.usage.period
    facts = Table(show_header=False, box=None)
    facts.add_row("counters pushed", f"{view.pushed} ({view.accepted} accepted)")
    facts.add_row("pushed again on purpose", f"{view.duplicates}, counted once")
    facts.add_row("batches in the queue", str(view.waiting_batches))
    facts.add_row(
        "the bill so far",
        f"{total:.2f} {view.usage.currency} before tax "
        f"({view.plan_price:.2f} plan + {view.usage.amount:.2f} usage), "
        f"{period.start:%Y-%m-%d} to {period.end:%Y-%m-%d}",
    )
    facts.add_row(
        "webhooks received",
        f"{view.webhooks_received} ({view.webhooks_verified} verified)",
    )
    facts.add_row("Flower", view.flower)
    if view.problem:
        facts.add_row("problem", Text(view.problem, style="red"))
    return Group(books, facts)


def line(view: View) -> str:
    """The view in one line, for where there is no terminal."""
    state = "Odoo agrees" if view.agrees else "Odoo is behind"
    return (
        f"{view.accepted} counters accepted, {len(view.rollups)} rollups, {state}, "
        f"{view.usage.amount:.2f} {view.usage.currency} of usage, "
        f"{view.webhooks_verified} webhooks verified"
        + (f"; {view.problem}" if view.problem else "")
    )


def _number(value: Decimal | None) -> str:
    return "" if value is None else f"{value:,f}"
