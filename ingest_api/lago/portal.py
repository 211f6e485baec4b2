"""``GET /customers/{id}/portal_url`` and ``POST /invoices/{id}/payment_url``.

Both lead to Odoo's own portal. The first is its plain address: a customer logs in
there, and no app can do so in their stead. The second opens one invoice, with the token
that Odoo's own e-mails have, and nothing besides.
"""

from typing import Any, Final
from urllib.parse import quote

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import ApiError, not_found, validation_failed
from ingest_api.lago.invoices import UNKNOWN_INVOICE, read_id
from ingest_api.path_ids import find_no_odd_text
from ingest_api.route import Route
from ledger.billed_names import read_names
from ledger.customers import find_customer
from ledger.db import Connection
from ledger.invoice_fees import payment_status
from ledger.invoice_object import first_customer
from ledger.invoice_reads import find_invoice
from schemas.lago_portal import PaymentAnswerSchema, PortalAnswerSchema

INVOICES_PATH: Final = "/my/invoices"

_PORTAL: Final = PortalAnswerSchema()
_PAYMENT: Final = PaymentAnswerSchema()


def show_portal_url(external_id: str) -> Response:
    """The portal's list of invoices, where the customer has to log in."""
    service_id = require_principal().service_id
    find_no_odd_text(external_id, "customer_not_found")
    api = current_api()
    customer = api.query(lambda conn: find_customer(conn, service_id, external_id))
    if customer is None:
        raise not_found("customer_not_found")
    url = f"{api.settings.portal_url}{INVOICES_PATH}"
    return jsonify(_PORTAL.dump({"customer": {"portal_url": url}}))


def show_payment_url(lago_id: str) -> Response:
    """The portal's page of an invoice that is still to pay."""
    service_id = require_principal().service_id
    public_id = read_id(lago_id, UNKNOWN_INVOICE)
    api = current_api()

    def read(conn: Connection) -> dict[str, Any] | None:
        stored = find_invoice(conn, service_id, public_id)
        if stored is None:
            return None
        invoice = stored.invoice
        if invoice.state != "posted" or payment_status(invoice) == "succeeded":
            raise _refused(
                "invalid_invoice_status_or_payment_status",
                "only a finalized invoice that is not paid can be paid",
            )
        if invoice.access_token is None:
            raise _refused(
                "no_linked_payment_provider",
                "Odoo has no link to this invoice's page; the customer finds it in the "
                "portal",
            )
        names = read_names(conn, service_id, [invoice])
        customer = first_customer(invoice, names) or {}
        page = f"{api.settings.portal_url}{INVOICES_PATH}/{stored.odoo_id}"
        return {
            "lago_invoice_id": stored.id,
            "lago_customer_id": customer.get("lago_id"),
            "external_customer_id": customer.get("external_id"),
            "payment_url": f"{page}?access_token={quote(invoice.access_token)}",
        }

    details = api.query(read)
    if details is None:
        raise not_found(UNKNOWN_INVOICE)
    return jsonify(_PAYMENT.dump({"invoice_payment_details": details}))


def _refused(code: str, sentence: str) -> ApiError:
    return validation_failed({"base": [code]}, sentence)


ROUTES: Final = (
    Route(
        method="GET",
        path="/customers/<path:external_id>/portal_url",
        name="show_portal_url",
        view=show_portal_url,
        summary="Where a customer finds their invoices in Odoo's portal",
        answers={200: PortalAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
    Route(
        method="POST",
        path="/invoices/<lago_id>/payment_url",
        name="show_payment_url",
        view=show_payment_url,
        summary="Where an invoice is paid in Odoo's portal",
        answers={200: PaymentAnswerSchema},
        errors=(401, 404, 422, 429, 503),
    ),
)
