"""``fusion.billing.service.bridge_check``: what the bridge asks before it works."""

from collections.abc import Sequence
from typing import Any

from ledger.queries import load_queries
from odoo_bridge.embedded.env import Env, Records, api_model
from odoo_bridge.embedded.generic import GENERIC
from odoo_bridge.embedded.rpc import VERSION
from odoo_bridge.embedded.values import DATETIME_FORMAT

ADDON_VERSION = "19.0.1.2.0"
"""Of the addon that it answers as."""
KEY_START = 8
"""Characters of a key that Odoo itself keeps and logs in the clear."""

_SQL = load_queries("check", "odoo_bridge.embedded")


@api_model
def bridge_check(
    records: Records, key_start: str = "", methods: Sequence[Any] = ()
) -> dict[str, Any]:
    """What is installed here, and what the caller lacks; changes nothing.

    ``key_start``: the first 8 characters of the caller's API key; ``methods``: [model,
    method] of each that the bridge calls. The stand-in's one user lacks no right.
    """
    env = records.env
    values = {"uid": env.uid, "start": key_start[:KEY_START]}
    found = env.conn.execute(_SQL["check"], values).fetchone()
    assert found is not None  # noqa: S101 - the caller has a row
    expires_at = found["expires_at"]
    return {
        "odoo": VERSION,
        "edition": "Community",
        "addon": {"code": ADDON_VERSION, "database": ADDON_VERSION},
        "user": found["login"],
        "company": "Stand-in",
        "missing_groups": [],
        "missing_rights": [],
        "missing_methods": [
            f"{model}.{method}"
            for model, method in methods
            if not _has_method(env, model, method)
        ],
        "modules": {
            "sale_subscription": False,
            "fusion_centralize_billing_subscription": False,
        },
        "key": {
            "known": found["known"],
            "expires_at": expires_at.strftime(DATETIME_FORMAT) if expires_at else False,
        },
        "now": found["now"].strftime(DATETIME_FORMAT),
    }


def _has_method(env: Env, model: str, method: str) -> bool:
    found = env.models.get(model)
    return found is not None and (method in found.methods or method in GENERIC)
