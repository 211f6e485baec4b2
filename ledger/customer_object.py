"""A customer as Lago's clients read it, in answers and in webhooks."""

from typing import Any, Final
from uuid import UUID, uuid5

from ledger.customers import Customer
from schemas.lago_customers import ADDRESS, BILLING, DEFAULT_TIMEZONE
from schemas.timestamps import second_text

_FROM_CONTACT: Final = {
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
_FROM_PROFILE: Final = (
    "firstname",
    "lastname",
    "customer_type",
    "currency",
    "timezone",
    "legal_number",
    "net_payment_term",
    "logo_url",
    "finalize_zero_amount_invoice",
    "billing_entity_code",
)


def customer_object(customer: Customer) -> dict[str, Any]:
    """Lago's customer; what was never given is null."""
    contact, profile = customer.contact, customer.profile
    shipping = profile.get("shipping_address", {})
    return {
        "lago_id": str(customer.public_id),
        "external_id": customer.external_id,
        "account_type": "customer",
        "name": customer.name,
        "email": customer.email,
        **{name: contact.get(field) for name, field in _FROM_CONTACT.items()},
        **{name: profile.get(name) for name in _FROM_PROFILE},
        "applicable_timezone": profile.get("timezone") or DEFAULT_TIMEZONE,
        "billing_configuration": _billing(customer),
        "shipping_address": {name: shipping.get(name) for name in ADDRESS},
        "metadata": [
            _metadata(customer.public_id, item) for item in profile.get("metadata", [])
        ],
        "taxes": [],
        "integration_customers": [],
        "skip_invoice_custom_sections": False,
        "applicable_invoice_custom_sections": [],
        "created_at": second_text(customer.created_at),
        "updated_at": second_text(customer.updated_at),
    }


def _billing(customer: Customer) -> dict[str, Any]:
    given = customer.profile.get("billing_configuration", {})
    return {
        **{name: given.get(name) for name in BILLING},
        "provider_customer_id": given.get("provider_customer_id")
        or customer.contact.get("stripe_customer"),
        "document_locale": customer.contact.get("lang"),
    }


def _metadata(customer: UUID, item: dict[str, Any]) -> dict[str, Any]:
    """Its id is made of the customer's and its key, so that it stays the same."""
    return {"lago_id": str(uuid5(customer, item["key"])), **item}
