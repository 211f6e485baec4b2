"""Merging clients: two that are billed by the same service become one."""

from odoo import models


class MergePartners(models.TransientModel):
    """Odoo moves what points at the merged clients by SQL, past the ORM."""

    _inherit = "base.partner.merge.automatic.wizard"

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Move what points at them; first let go of what the one client has once.

        Of two invoices for a service and period one keeps the key that ``close_period``
        looks for, the client's that stays before the others'. What they bill stays
        billed: that is by their lines.
        """
        clients = (src_partners | dst_partner).sudo()
        domain = [("x_fc_client_id", "in", clients.ids), ("state", "!=", "cancel")]
        moves = self.env["account.move"].sudo().search(domain, order="id")
        kept, others = set(), moves.browse()
        for move in moves.sorted(lambda m: m.x_fc_client_id != dst_partner):
            key = (move.x_fc_service_id, move.x_fc_period_start, move.x_fc_period_end)
            if key in kept:
                others += move
            kept.add(key)
        others.write({"x_fc_client_id": False})
        # The one that stays may take their address before they are gone.
        src_partners.sudo().write({"x_fc_from_catalog": False})
        self.env.flush_all()
        return super()._update_foreign_keys(src_partners, dst_partner)
