"""``/customers``: made and changed by external id, listed, shown, deleted."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import not_found
from ingest_api.lago.changing import change_books
from ingest_api.lago.customers_answer import customer_answer, customers_answer
from ingest_api.lago.path_codes import code_in_path
from ingest_api.lago.wrapped import PageQuerySchema, page_of, read_query, read_wrapped
from ingest_api.route import Route
from ledger.app_customers import CustomerInput, put_customer
from ledger.customer_deletion import delete_customer
from ledger.customers import find_customer, list_customers
from schemas.catalog_fields import Text
from schemas.lago_customers import (
    CustomerAnswerSchema,
    CustomerInputSchema,
    CustomerRequestSchema,
    CustomersAnswerSchema,
)

UNKNOWN: Final = "customer_not_found"

_CONTACT: Final = {
    "name": "name",
    "email": "email",
    "address_line1": "street",
    "address_line2": "street2",
    "city": "city",
    "zipcode": "zip",
    "state": "state",
    "country": "country",
    "phone": "phone",
    "url": "website",
    "legal_name": "legal_name",
    "tax_identification_number": "vat",
}
"""What Odoo has a field for: the ledger's names by Lago's."""


class CustomersQuerySchema(PageQuerySchema):
    """Which customers to list."""

    search_term = Text(
        load_default="",
        metadata={"description": "In the external id, name or e-mail address."},
    )


def save_customer() -> Response:
    """Make a customer, or change the one of that external id."""
    principal = require_principal()
    values = read_wrapped("customer", CustomerInputSchema())
    external_id = values.pop("external_id")
    service = (principal.service_id, principal.service_code)
    given, now = _given(values), datetime.now(UTC)
    customer = change_books(
        lambda conn: put_customer(conn, service, external_id, given, now)
    )
    return jsonify(customer_answer(customer))


def show_customers() -> Response:
    """A page of the service's customers."""
    service_id = require_principal().service_id
    wanted = read_query(CustomersQuerySchema())
    page, text = page_of(wanted), wanted["search_term"] or None
    customers, total = current_api().query(
        lambda conn: list_customers(conn, service_id, text, page.size, page.offset)
    )
    return jsonify(customers_answer(customers, page, total))


def show_customer(external_id: str) -> Response:
    """One customer."""
    service_id = require_principal().service_id
    code_in_path(external_id, UNKNOWN)
    found = current_api().query(
        lambda conn: find_customer(conn, service_id, external_id)
    )
    if found is None:
        raise not_found(UNKNOWN)
    return jsonify(customer_answer(found))


def remove_customer(external_id: str) -> Response:
    """End the customer's subscriptions, and forget it; what it used is billed."""
    principal = require_principal()
    code_in_path(external_id, UNKNOWN)
    service, now = (principal.service_id, principal.service_code), datetime.now(UTC)
    deleted = change_books(
        lambda conn: delete_customer(conn, service, external_id, now)
    )
    if deleted is None:
        raise not_found(UNKNOWN)
    return jsonify(customer_answer(deleted))


def _given(values: Mapping[str, Any]) -> CustomerInput:
    """Stripe's customer and the language are Odoo's, the rest of the billing ours."""
    contact = {
        field: values[name] for name, field in _CONTACT.items() if name in values
    }
    profile = {name: part for name, part in values.items() if name not in _CONTACT}
    if billing := profile.get("billing_configuration"):
        kept = dict(billing)
        if "document_locale" in kept:
            contact["lang"] = kept.pop("document_locale")
        if "provider_customer_id" in kept and _is_stripe(kept):
            contact["stripe_customer"] = kept.pop("provider_customer_id")
        profile["billing_configuration"] = kept
    return CustomerInput(contact, profile)


def _is_stripe(billing: Mapping[str, Any]) -> bool:
    """Who names no provider means Stripe, the only one that Odoo's clients have."""
    return (billing.get("payment_provider") or "stripe") == "stripe"


_CHANGES: Final = (400, 401, 408, 413, 415, 422, 429, 503)

ROUTES: Final = (
    Route(
        method="POST",
        path="/customers",
        name="save_customer",
        view=save_customer,
        summary="Make a customer, or change what is given of it",
        answers={200: CustomerAnswerSchema},
        errors=_CHANGES,
        body=CustomerRequestSchema,
    ),
    Route(
        method="GET",
        path="/customers",
        name="show_customers",
        view=show_customers,
        summary="The customers, the newest first",
        answers={200: CustomersAnswerSchema},
        errors=(401, 422, 429, 503),
        query=CustomersQuerySchema,
    ),
    Route(
        method="GET",
        path="/customers/<path:external_id>",
        name="show_customer",
        view=show_customer,
        summary="A customer",
        answers={200: CustomerAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
    Route(
        method="DELETE",
        path="/customers/<path:external_id>",
        name="remove_customer",
        view=remove_customer,
        summary="Delete a customer: its subscriptions end now, and are billed",
        answers={200: CustomerAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
)
