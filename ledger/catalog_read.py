"""The catalog as the ledger has it, in the shape in which it comes from Odoo."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ledger.db import Connection
from ledger.queries import load_queries
from schemas.catalog_entries import (
    Charge,
    Customer,
    Metric,
    Plan,
    Service,
    Subscription,
    Tier,
)
from schemas.odoo_rows import CatalogEntry

_SQL = load_queries("catalog_read")
_ENTRIES: Final[dict[str, Any]] = {
    "service": Service,
    "metric": Metric,
    "customer": Customer,
    "subscription": Subscription,
}


@dataclass(frozen=True)
class KnownEntry:
    """One entry of the catalog, with its service's code and Odoo's id."""

    odoo_id: int
    service: str
    entry: CatalogEntry


def read_entries(
    conn: Connection, kind: str, service: str | None, after_id: int, last_id: int | None
) -> list[KnownEntry]:
    """Those with Odoo's ids in ``(after_id, last_id]``, by id; None: all the rest.

    Of one service or of all. What Odoo does not have yet, and has no id, is left out.
    """
    values = {"service": service, "after_id": after_id, "last_id": last_id}
    rows = conn.execute(_SQL[f"read_{kind}"], values).fetchall()
    if kind == "plan":
        charges = _read_charges(conn, [row[0] for row in rows])
        return [
            KnownEntry(odoo_id, code, Plan(*terms, charges[odoo_id]))  # type: ignore[call-arg]  # mypy counts no star
            for odoo_id, code, *terms in rows
        ]
    make = _ENTRIES[kind]
    return [KnownEntry(row[0], row[1], make(*row[2:])) for row in rows]


def read_unsent(
    conn: Connection, kind: str, odoo_ids: Collection[int]
) -> dict[int, tuple[frozenset[str], str | None]]:
    """By Odoo's id, the fields that an app changed and Odoo has not taken.

    With why Odoo refused them, if it has.
    """
    values = {"kind": kind, "odoo_ids": list(odoo_ids)}
    rows = conn.execute(_SQL["read_unsent"], values)
    return {odoo_id: (frozenset(fields), error) for odoo_id, fields, error in rows}


def _read_charges(
    conn: Connection, plan_ids: Sequence[int]
) -> dict[int, tuple[Charge, ...]]:
    found: dict[int, tuple[Charge, ...]] = defaultdict(tuple)
    for row in conn.execute(_SQL["read_charges"], {"plan_ids": list(plan_ids)}):
        plan_id, metric, model, included, price, size, tiers, minimum = row
        charge = Charge(
            metric, model, included, price, size, _read_tiers(tiers), minimum
        )
        found[plan_id] += (charge,)
    return found


def _read_tiers(tiers: Sequence[dict[str, str | None]]) -> tuple[Tier, ...]:
    return tuple(
        Tier(*(_number(tier[name]) for name in ("up_to", "unit_price", "flat_price")))  # type: ignore[arg-type]  # only up_to may be None
        for tier in tiers
    )


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
