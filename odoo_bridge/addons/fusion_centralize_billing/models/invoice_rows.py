"""Invoices as rows, in ``export_catalog`` and in what events tell."""

from decimal import Decimal

from .exported_rows import nest_rows, read_rows
from .telling import public_id

_FILE = "export_invoice"


def read_invoices(env, page):
    """A page of invoices with their lines and taxes, and the ids that apps know."""
    rows = _read(env, page)
    for row in rows:
        for line in row["lines"]:
            del line["service_id"]
    return rows


def read_told(env, move_ids):
    """By id: the invoices of these, each line with its service's "service_id".

    Without what opens the portal to whoever has it.
    """
    companies = env["account.move"].browse(move_ids).company_id
    page = {"after_id": 0, "limit": None, "company_ids": companies.ids}
    page |= {"everything": False, "since": None, "ids": list(move_ids)}
    rows = _read(env, page)
    for row in rows:
        del row["access_token"]
    return {row["id"]: row for row in rows}


def share_of(row, service):
    """What a service may see of an invoice: all that is its own; else its own lines.

    Of lines of more than one service, the sums are those of its own: due in whole, or,
    when all is paid, not at all. Taxes are told by line alone then.
    """
    lines = [dict(line) for line in row["lines"]]
    shared = row["service"] != service.code
    if shared:
        lines = [line for line in lines if line["service_id"] == service.id]
    for line in lines:
        del line["service_id"]
    if not shared:
        return {**row, "lines": lines}
    untaxed, tax = (
        sum((Decimal(line[name]) for line in lines), Decimal(0))
        for name in ("amount", "tax")
    )
    due = untaxed + tax if Decimal(row["residual"]) else Decimal(0)
    sums = {"untaxed": untaxed, "tax": tax, "total": untaxed + tax, "residual": due}
    texts = {name: f"{amount:f}" for name, amount in sums.items()}
    return {**row, **texts, "settled": "0", "taxes": [], "lines": lines}


def _read(env, page):
    rows = read_rows(env, _FILE, "export_invoice", page)
    nest_rows(env, rows, "lines", (_FILE, "export_invoice_lines"), "move_id")
    nest_rows(env, rows, "taxes", (_FILE, "export_invoice_taxes"), "move_id")
    for row in rows:
        row["public_id"] = public_id(env, "account.move", row["id"])
        if row["reversed_id"]:
            row["reversed_id"] = public_id(env, "account.move", row["reversed_id"])
    return rows
