"""Lago's endpoints that are not here, and what to use instead.

An operation is a method, or ``*`` for any, and a path as Werkzeug writes it.
"""

from dataclasses import dataclass
from typing import Final

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")

_CUSTOMER: Final = "/customers/<path:external_id>"
_INVOICE: Final = "/invoices/<lago_id>"
_NOTE: Final = "/credit_notes/<lago_id>"
_PLAN: Final = "/plans/<path:code>"
_SUBSCRIPTION: Final = "/subscriptions/<path:external_id>"


@dataclass(frozen=True)
class AbsentRow:
    """A part of Lago's API that is not here; ``instead`` is one sentence, or two."""

    name: str
    operations: tuple[str, ...]
    instead: str


def _whole(*paths: str) -> tuple[str, ...]:
    """Every operation on and below the paths."""
    return tuple(
        operation for path in paths for operation in (f"* {path}", f"* {path}/<path:_>")
    )


ABSENT: Final = (
    AbsentRow(
        "Wallets and their transactions",
        _whole("/wallets", "/wallet_transactions", f"{_CUSTOMER}/wallets"),
        "Prepaid credit is Odoo's: an eWallet or a down payment on the customer's "
        "order there.",
    ),
    AbsentRow(
        "Coupons",
        _whole("/coupons", "/applied_coupons", f"{_CUSTOMER}/applied_coupons"),
        "Discounts are Odoo's: a pricelist, or a promotion on the customer's order "
        "there.",
    ),
    AbsentRow(
        "Add-ons and one-off invoices",
        (*_whole("/add_ons"), "POST /invoices"),
        "One-off charges are Odoo's: a product on the customer's order or invoice "
        "there.",
    ),
    AbsentRow(
        "Taxes",
        _whole("/taxes"),
        "Odoo computes taxes, by the products' taxes and fiscal positions; GET "
        "/invoices shows them.",
    ),
    AbsentRow(
        "Organization and billing entities",
        _whole("/organizations", "/billing_entities"),
        "Company, addresses, numbering and e-mails are set in Odoo; a key speaks for "
        "one service, which is what Lago calls the organization.",
    ),
    AbsentRow(
        "Payments, receipts, requests and methods",
        (
            *_whole("/payments", "/payment_receipts", "/payment_requests"),
            *_whole(f"{_CUSTOMER}/payments", f"{_CUSTOMER}/payment_requests"),
            *_whole(f"{_CUSTOMER}/payment_methods"),
            f"POST {_CUSTOMER}/checkout_url",
            f"POST {_INVOICE}/retry_payment",
        ),
        "Odoo's payment providers collect payments and keep cards, in the portal that "
        "GET /customers/{external_id}/portal_url names; GET /invoices has their "
        "payment_status.",
    ),
    AbsentRow(
        "Changing invoices",
        (
            "POST /invoices/preview",
            f"PUT {_INVOICE}",
            f"DELETE {_INVOICE}",
            f"PUT {_INVOICE}/finalize",
            f"PUT {_INVOICE}/refresh",
            f"* {_INVOICE}/lose_dispute",
            f"POST {_INVOICE}/retry",
            f"POST {_INVOICE}/void",
            f"POST {_INVOICE}/resend_email",
        ),
        "Invoices are posted, cancelled and sent in Odoo, and read here; what the open "
        "period comes to is in GET /customers/{external_id}/current_usage.",
    ),
    AbsentRow(
        "Changing credit notes",
        (
            "POST /credit_notes",
            "POST /credit_notes/estimate",
            f"PUT {_NOTE}",
            f"PUT {_NOTE}/void",
            f"POST {_NOTE}/download",
            *_whole(f"{_NOTE}/metadata"),
        ),
        "Credit notes are made in Odoo, from the invoice; GET /credit_notes reads "
        "them.",
    ),
    AbsentRow(
        "Fees",
        _whole("/fees"),
        "GET /invoices/{lago_id} has those of an invoice, POST /events/estimate_fees "
        "those of an event.",
    ),
    AbsentRow(
        "Fees in advance and expressions",
        (
            "POST /events/estimate_instant_fees",
            "POST /events/batch_estimate_instant_fees",
            "POST /billable_metrics/evaluate_expression",
        ),
        "Usage is billed at the end of its period, and a metric's value is a property "
        "of the event; POST /events/estimate_fees says what an event costs.",
    ),
    AbsentRow(
        "Features, and what a plan entitles to",
        _whole("/features", f"{_PLAN}/entitlements"),
        "Apps own entitlements: PATCH /subscriptions/{external_id}/entitlements keeps "
        "them as data, without a catalog of features.",
    ),
    AbsentRow(
        "Parts of plans one by one",
        (
            f"POST {_PLAN}/charges",
            f"PUT {_PLAN}/charges/<path:charge>",
            f"DELETE {_PLAN}/charges/<path:charge>",
            *_whole(f"{_PLAN}/charges/<path:charge>/filters"),
            *_whole(f"{_PLAN}/fixed_charges", f"{_PLAN}/metadata"),
        ),
        "PUT /plans/{code} writes a plan with all of its charges; a fixed price is its "
        "amount_cents, or a product on the customer's order in Odoo.",
    ),
    AbsentRow(
        "Prices of one subscription",
        _whole(f"{_SUBSCRIPTION}/charges", f"{_SUBSCRIPTION}/fixed_charges"),
        "Prices for one customer are a plan of their own; GET /plans/{code}/charges "
        "reads a plan's.",
    ),
    AbsentRow(
        "Alerts",
        _whole(f"{_SUBSCRIPTION}/alerts"),
        "A plan's usage_thresholds are told by subscription.usage_threshold_reached.",
    ),
    AbsentRow(
        "Quotes and orders",
        _whole("/quotes", "/quote_versions", "/order_forms", "/orders"),
        "Odoo's quotations and orders, which customers sign in its portal.",
    ),
    AbsentRow(
        "Analytics",
        _whole("/analytics"),
        "Odoo's reports of invoices and subscriptions; GET "
        "/customers/{external_id}/past_usage has the usage that was billed.",
    ),
    AbsentRow(
        "Activity and API logs",
        _whole("/activity_logs", "/api_logs"),
        "GET /batches/{batch_id} says what became of each counter; the rest is for "
        "operators, in the logs and `fusion-billing explain`.",
    ),
)


def absent_table() -> str:
    """The table of README, in Markdown."""
    lines = ["| not here | instead |", "|---|---|"]
    lines += [f"| {row.name} | {row.instead} |" for row in ABSENT]
    return "\n".join(lines) + "\n"
