"""Invoices of usage: which service, client and period each is for."""

from odoo import fields, models


class AccountMove(models.Model):
    """An invoice that ``close_period`` made has ``x_fc_service_id``."""

    _inherit = "account.move"

    x_fc_service_id = fields.Many2one(
        "fusion.billing.service",
        string="Billing Service",
        index="btree_not_null",
        ondelete="restrict",
        copy=False,
        readonly=True,
    )
    x_fc_client_id = fields.Many2one(
        "res.partner", string="Billing Client", copy=False, readonly=True
    )
    x_fc_period_start = fields.Datetime(string="Usage From", copy=False, readonly=True)
    x_fc_period_end = fields.Datetime(string="Usage To", copy=False, readonly=True)

    # Closing a period twice, or twice at once, makes one invoice; a cancelled one
    # makes room for another.
    _x_fc_period_uniq = models.UniqueIndex(
        "(x_fc_service_id, x_fc_client_id, x_fc_period_start, x_fc_period_end)"
        " WHERE x_fc_service_id IS NOT NULL AND state <> 'cancel'",
        "A client has one invoice per service and period.",
    )

    def _post(self, soft=True):
        """Post; what bills a service can be opened in the portal from then on.

        An app asks the bridge where its customer pays, which is told by this link.
        """
        posted = super()._post(soft)
        for move in posted:
            orders = move.invoice_line_ids.sale_line_ids.order_id
            if move.is_sale_document() and (
                move.x_fc_service_id or orders.x_fc_service_id
            ):
                move._portal_ensure_token()
        return posted

    # What the bridge pulls: invoices that have changed, of any origin.
    _x_fc_write_date_idx = models.Index(
        "(write_date) WHERE move_type IN ('out_invoice', 'out_refund')"
    )


class AccountMoveLine(models.Model):
    """A line of usage knows the row that it bills, and no other line bills it."""

    _inherit = "account.move.line"

    x_fc_usage_id = fields.Many2one(
        "fusion.billing.usage",
        string="Usage",
        index="btree_not_null",  # the unique one below is not used without parent_state
        ondelete="restrict",
        copy=False,
        readonly=True,
    )

    _x_fc_usage_uniq = models.UniqueIndex(
        "(x_fc_usage_id) WHERE x_fc_usage_id IS NOT NULL AND parent_state <> 'cancel'",
        "A row of usage is billed once.",
    )


class AccountMoveReversal(models.TransientModel):
    """The wizard that credits an invoice and drafts another in its place."""

    _inherit = "account.move.reversal"

    def _modify_default_reverse_values(self, origin_move):
        """The other one is the service's too, told to it and held in shadow with it.

        It has no period: the one that it replaces keeps that, and the rows it billed.
        """
        values = super()._modify_default_reverse_values(origin_move)
        service, client = origin_move.x_fc_service_id, origin_move.x_fc_client_id
        return {**values, "x_fc_service_id": service.id, "x_fc_client_id": client.id}
