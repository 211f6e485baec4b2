"""Lago's customer, as its clients send and read it."""

import re
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from schemas.answers import MetaSchema
from schemas.catalog_fields import Text, Timezone
from schemas.lago_catalog_fields import LagoSchema
from schemas.lago_fields import Answered, Country, ExternalId, Strict

ADDRESS: Final = (
    "address_line1",
    "address_line2",
    "city",
    "zipcode",
    "state",
    "country",
)
BILLING: Final = (
    "invoice_grace_period",
    "subscription_invoice_issuing_date_anchor",
    "subscription_invoice_issuing_date_adjustment",
    "payment_provider",
    "payment_provider_code",
    "provider_customer_id",
    "sync",
    "sync_with_provider",
    "provider_payment_methods",
    "document_locale",
)
DEFAULT_TIMEZONE: Final = "UTC"
MAX_METADATA: Final = 50
MAX_DAYS: Final = 3650

_PART: Final = r"""[^@\s,;:<>()\[\]"\\]+"""
_EMAIL: Final = re.compile(rf"{_PART}@{_PART}\.{_PART}")
_CURRENCY: Final = validate.Regexp(
    r"([A-Z]{3})?\Z", error="value_is_invalid: must be three capital letters"
)


class Emails(Text):
    """One address or several with commas between; "" for none."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        parts = [part.strip() for part in text.split(",")] if text else []
        if not all(_EMAIL.fullmatch(part) for part in parts):
            raise ValidationError("invalid_email_format: is not an e-mail address")
        return text


class Zone(Timezone):
    """A time zone; "" for none."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return "" if value == "" else super()._deserialize(value, *args, **kwargs)


def _days() -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(0, MAX_DAYS))


class AddressSchema(LagoSchema):
    """An address."""

    address_line1 = Text()
    address_line2 = Text()
    city = Text()
    zipcode = Text()
    state = Text()
    country = Country()


class BillingConfigurationSchema(LagoSchema):
    """How the customer pays; Stripe's id goes to Odoo, as the locale does."""

    invoice_grace_period = _days()
    subscription_invoice_issuing_date_anchor = Text()
    subscription_invoice_issuing_date_adjustment = Text()
    payment_provider = Text()
    payment_provider_code = Text()
    provider_customer_id = Text()
    sync = Strict()
    sync_with_provider = Strict()
    provider_payment_methods = fields.List(Text(), validate=validate.Length(max=20))
    document_locale = Text()


class MetadataSchema(LagoSchema):
    """A pair of the app's own; the key tells one from another."""

    key = Text(required=True, validate=validate.Length(min=1))
    value = Text(load_default="")
    display_in_invoice = Strict(load_default=False)


def _check_metadata(items: list[dict[str, Any]]) -> None:
    if len({item["key"] for item in items}) != len(items):
        raise ValidationError("value_already_exist: a key is there twice")


class CustomerInputSchema(AddressSchema):
    """What an app gives of a customer; what is not given stays as it is."""

    external_id = ExternalId(required=True)
    name = Text()
    firstname = Text()
    lastname = Text()
    customer_type = fields.String(validate=validate.OneOf(("company", "individual")))
    email = Emails()
    phone = Text()
    url = Text()
    legal_name = Text()
    legal_number = Text()
    logo_url = Text()
    tax_identification_number = Text()
    currency = fields.String(validate=_CURRENCY)
    timezone = Zone()
    net_payment_term = _days()
    finalize_zero_amount_invoice = fields.String(
        validate=validate.OneOf(("inherit", "skip", "finalize"))
    )
    billing_entity_code = Text()
    billing_configuration = fields.Nested(BillingConfigurationSchema)
    shipping_address = fields.Nested(AddressSchema)
    metadata = fields.List(
        fields.Nested(MetadataSchema),
        validate=[validate.Length(max=MAX_METADATA), _check_metadata],
    )


class CustomerRequestSchema(Schema):
    """The body of a POST."""

    customer = fields.Nested(CustomerInputSchema, required=True)


class CustomerMetadataSchema(MetadataSchema):
    """A pair as it is answered."""

    lago_id = fields.UUID(required=True)


class CustomerAddressSchema(Answered, AddressSchema):
    """An address as it is answered."""


class CustomerBillingSchema(Answered, BillingConfigurationSchema):
    """How the customer pays, as it is answered."""


class CustomerSchema(Answered, CustomerInputSchema):
    """A customer as it is answered."""

    billing_configuration = fields.Nested(CustomerBillingSchema)
    shipping_address = fields.Nested(CustomerAddressSchema)
    lago_id = fields.UUID(required=True)
    account_type = fields.String(required=True)
    applicable_timezone = fields.String(required=True)
    metadata = fields.List(fields.Nested(CustomerMetadataSchema), required=True)
    created_at = fields.String(required=True)
    updated_at = fields.String(required=True)


class CustomerAnswerSchema(Schema):
    """One customer."""

    customer = fields.Nested(CustomerSchema, required=True)


class CustomersAnswerSchema(Schema):
    """A page of customers."""

    customers = fields.List(fields.Nested(CustomerSchema), required=True)
    meta = fields.Nested(MetaSchema, required=True)
