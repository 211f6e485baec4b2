"""``fusion.billing.service.bridge_check``: what the bridge asks before it works."""

from odoo import api, models, release

from .queries import load_queries
from .rows import DATETIME_FORMAT
from .service import BRIDGE_GROUPS

ADDON = "fusion_centralize_billing"
MODULES = ("sale_subscription", f"{ADDON}_subscription")
RIGHTS = (
    ("fusion.billing.service", "read"),
    ("fusion.billing.usage", "read"),
    ("fusion.billing.usage", "write"),
    ("fusion.billing.usage", "create"),
)
KEY_START = 8
"""Characters of a key that Odoo itself keeps and logs in the clear."""


class Service(models.Model):
    """Which Odoo, addon, user and key the bridge works with."""

    _inherit = "fusion.billing.service"

    @api.model
    @api.readonly
    def bridge_check(self, key_start="", methods=()):
        """Answers what is installed here, and what the caller lacks; changes nothing.

        ``key_start``: the first 8 characters of the caller's API key; ``methods``:
        [model, method] of each that the bridge calls. Answers ``{odoo, edition, addon:
        {code, database}, user, company, missing_groups, missing_rights,
        missing_methods, modules: {name: state or False}, key: {known, expires_at or
        False}, now}``; instants are in UTC. No hash of a key leaves Odoo, and of other
        users' keys nothing does. For a user who may not act as the bridge the answer is
        ``{missing_groups}`` and nothing else.
        """
        if not any(self.env.user.has_group(group) for group in BRIDGE_GROUPS):
            group = self.env.ref(BRIDGE_GROUPS[0]).sudo()
            return {"missing_groups": [group.name]}
        modules = self._check_modules()
        return {
            "odoo": release.version,
            "edition": "Enterprise" if "e" in release.version_info[5] else "Community",
            "addon": {
                "code": modules[ADDON].installed_version,
                "database": modules[ADDON].latest_version,
            },
            "user": self.env.user.login,
            "company": self.env.company.sudo().name,
            "missing_groups": [],
            "missing_rights": [
                f"{operation} on {model}"
                for model, operation in RIGHTS
                if not self.env[model].has_access(operation)
            ],
            "missing_methods": [
                f"{model}.{method}"
                for model, method in methods
                if not self._has_method(model, method)
            ],
            "modules": {
                name: modules[name].state if name in modules else False
                for name in MODULES
            },
            "key": self._check_key(key_start),
            "now": self.env.cr.now().strftime(DATETIME_FORMAT),
        }

    def _check_modules(self):
        found = self.env["ir.module.module"].sudo()
        return {m.name: m for m in found.search([("name", "in", [ADDON, *MODULES])])}

    def _has_method(self, model, method):
        if model not in self.env or method.startswith("_"):
            return False
        return callable(getattr(type(self.env[model]), method, None))

    def _check_key(self, key_start):
        """The caller's key that begins so; of two, the one that expires first."""
        values = {"user_id": self.env.uid, "start": key_start[:KEY_START]}
        self.env.cr.execute(load_queries("check")["key_expiry"], values)
        row = self.env.cr.fetchone()
        expires_at = row and row[0]
        shown = expires_at.strftime(DATETIME_FORMAT) if expires_at else False
        return {"known": bool(row), "expires_at": shown}
