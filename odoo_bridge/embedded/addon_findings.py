"""``fusion.billing.reconciliation``: what the bridge finds, and what is gone again."""

from collections.abc import Sequence
from typing import Any

from ledger.queries import load_queries
from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.applying import Applied, apply_rows, find_service
from odoo_bridge.embedded.env import Env, Records, api_model
from odoo_bridge.embedded.errors import ValidationError

KINDS = ("usage", "catalog", "invoice", "dual_run")
LEVELS = ("info", "warning", "drift", "failed")

_SQL = load_queries("findings", "odoo_bridge.embedded")


@api_model
def store_findings(records: Records, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Store each difference; one that was found before is brought up to date.

    A row is ``{service, kind, level, subject, field, ledger_value, odoo_value, usage,
    checked_at}``, the usage by its id or False; service, kind, subject and field are
    its key. Answers ``{"index", "status", "id", "reason"}`` per row; the status is
    created, updated, unchanged or error.
    """
    return apply_rows(records.env, rows, _store)


@api_model
def resolve_findings(
    records: Records, services: Sequence[str], kinds: Sequence[str], before: str
) -> int:
    """Mark as resolved what was not found since ``before``; answers how many.

    Of these services and kinds. Again it finds none. Raises ValidationError on a time
    that is none.
    """
    try:
        moment = r.moment({"before": before}, "before")
    except r.RowError as error:
        raise ValidationError(str(error)) from error
    values = {"services": list(services), "kinds": list(kinds), "before": moment}
    return records.env.conn.execute(
        _SQL["resolve_findings"], {**values, "uid": records.env.uid}
    ).rowcount


def _store(env: Env, row: r.Row) -> Applied:
    values = {
        "service_id": find_service(env, row),
        "kind": r.choice(row, "kind", KINDS),
        "level": r.choice(row, "level", LEVELS),
        "subject": r.text(row, "subject"),
        "field": r.text(row, "field"),
        "ledger_value": r.optional_text(row, "ledger_value"),
        "odoo_value": r.optional_text(row, "odoo_value"),
        "usage": r.whole(row, "usage", default=0),
        "checked_at": r.moment(row, "checked_at"),
        "uid": env.uid,
    }
    found = env.conn.execute(_SQL["store_finding"], values).fetchone()
    assert found is not None  # noqa: S101 - it answers one row
    return int(found["id"]), str(found["status"])
