"""``fusion.billing.service.read_horizon``: up to when what was written is all there."""

from ledger.queries import load_queries
from odoo_bridge.embedded.env import Records, api_model
from odoo_bridge.embedded.models import Field
from odoo_bridge.embedded.values import to_wire

_PLAIN = Field("char", "")
_SQL = load_queries("horizon", "odoo_bridge.embedded")


@api_model
def read_horizon(records: Records) -> dict[str, str]:
    """The start of the earliest transaction that is still open, or now.

    Answers ``{"horizon", "database", "incarnation", "transaction", "companies"}``, all
    text, as the addon's method does, whose docstring has the reasoning. There is one
    company here.
    """
    row = records.env.conn.execute(_SQL["read_horizon"]).fetchone()
    timeline = records.env.conn.execute(_SQL["read_timeline"]).fetchone()
    assert row is not None  # noqa: S101 - one row per database
    assert timeline is not None  # noqa: S101 - one row per server
    row["incarnation"] += f".{timeline['left']}"
    told = {name: to_wire(_PLAIN, value) for name, value in row.items()}
    return {**told, "database": told["database"] or "", "companies": "1"}
