"""The models of the contract with the addon's methods on them."""

from dataclasses import replace

from odoo_bridge.embedded.addon_catalog import apply_catalog
from odoo_bridge.embedded.addon_check import bridge_check
from odoo_bridge.embedded.addon_close import close_period
from odoo_bridge.embedded.addon_export import export_catalog
from odoo_bridge.embedded.addon_findings import resolve_findings, store_findings
from odoo_bridge.embedded.addon_horizon import read_horizon
from odoo_bridge.embedded.addon_pdf import invoice_pdf
from odoo_bridge.embedded.addon_read_usage import export_usage, find_usage
from odoo_bridge.embedded.addon_usage import upsert_rollups
from odoo_bridge.embedded.catalog import (
    RECONCILIATION,
    SERVICE,
    USAGE,
    contract_models,
)
from odoo_bridge.embedded.env import Method
from odoo_bridge.embedded.events import WEBHOOK, fetch_events, mark_events
from odoo_bridge.embedded.generic import context_get
from odoo_bridge.embedded.invoices import MOVE
from odoo_bridge.embedded.models import Registry
from odoo_bridge.embedded.move_events import action_post, button_cancel, write_move
from odoo_bridge.embedded.native import USERS


def addon_models() -> Registry:
    """Every model that the stand-in serves."""
    catalog: dict[str, Method] = {
        "apply_catalog": apply_catalog,
        "bridge_check": bridge_check,
        "export_catalog": export_catalog,
        "invoice_pdf": invoice_pdf,
        "read_horizon": read_horizon,
    }
    usage: dict[str, Method] = {
        "upsert_rollups": upsert_rollups,
        "close_period": close_period,
        "export_usage": export_usage,
        "find_usage": find_usage,
    }
    findings: dict[str, Method] = {
        "store_findings": store_findings,
        "resolve_findings": resolve_findings,
    }
    webhook: dict[str, Method] = {
        "fetch_events": fetch_events,
        "mark_events": mark_events,
    }
    move: dict[str, Method] = {
        "write": write_move,
        "action_post": action_post,
        "button_cancel": button_cancel,
    }
    return {
        **contract_models(),
        SERVICE.name: replace(SERVICE, methods=catalog),
        USAGE.name: replace(USAGE, methods=usage),
        WEBHOOK.name: replace(WEBHOOK, methods=webhook),
        MOVE.name: replace(MOVE, methods=move),
        RECONCILIATION.name: replace(RECONCILIATION, methods=findings),
        USERS.name: replace(USERS, methods={"context_get": context_get}),
    }
