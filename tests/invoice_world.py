"""Invoices as the bridge brings them from Odoo, in the ledger."""

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from ledger.db import Connection
from ledger.invoices import upsert_invoice
from schemas.odoo_invoices import Invoice, InvoiceLine, InvoiceTax
from tests.api_world import Person

_odoo_ids = itertools.count(1)

USAGE_LINE = InvoiceLine(
    description="CPU seconds, ada-1\n36,000 used",
    quantity=Decimal(1),
    amount=Decimal("50.00"),
    subscription="ada-1",
    metric="sum",
    period_start=datetime(2026, 5, 1, 4, tzinfo=UTC),
    period_end=datetime(2026, 6, 1, 4, tzinfo=UTC),
    correction_of=None,
    id=501,
    units=Decimal("200.50"),
    tax=Decimal("6.50"),
    tax_rate=Decimal(13),
    product_code="USE",
    product="Metered usage",
)
PLAN_LINE = InvoiceLine(
    description="Plan",
    quantity=Decimal(1),
    amount=Decimal("5.00"),
    subscription="ada-1",
    metric=None,
    period_start=None,
    period_end=None,
    correction_of=None,
    id=502,
    tax=Decimal("0.65"),
    tax_rate=Decimal(13),
    product_code="PLAN",
    product="The plan",
)
POSTED = Invoice(
    customers=("ada",),
    number="INV/2026/00007",
    state="posted",
    payment_state="not_paid",
    move_type="out_invoice",
    invoice_date=date(2026, 6, 3),
    due_date=date(2026, 7, 3),
    period_start=datetime(2026, 5, 1, 4, tzinfo=UTC),
    period_end=datetime(2026, 6, 1, 4, tzinfo=UTC),
    currency="CAD",
    untaxed=Decimal("55.00"),
    tax=Decimal("7.15"),
    total=Decimal("62.15"),
    residual=Decimal("62.15"),
    lines=(USAGE_LINE, PLAN_LINE),
    created_at=datetime(2026, 6, 1, 6, tzinfo=UTC),
    posted_before=True,
    timezone="America/Toronto",
    taxes=(InvoiceTax(9, "HST 13%", Decimal(13), Decimal("7.15")),),
)
"""Usage and a plan, with Ontario's tax, not paid."""


def bring_invoice(conn: Connection, owner: Person, **changes: Any) -> UUID:
    """Put an invoice as it is, but for the changes, into the ledger; commits.

    Answers the id that apps know it by.
    """
    public_id: UUID = changes.pop("public_id", None) or uuid4()
    invoice = replace(POSTED, **{"public_id": public_id, **changes})
    upsert_invoice(conn, owner.service, next(_odoo_ids), invoice)
    conn.commit()
    return public_id


def bring_credit_note(conn: Connection, owner: Person, **changes: Any) -> UUID:
    """Put a credit note of the whole into the ledger; commits."""
    note = {"move_type": "out_refund", "number": "RINV/2026/00002", **changes}
    return bring_invoice(conn, owner, **note)
