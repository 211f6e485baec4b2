"""Customers as Lago's clients read them."""

from collections.abc import Sequence
from typing import Any

from ingest_api.lago.wrapped import Page
from ingest_api.reads import page_meta
from ledger.customer_object import customer_object
from ledger.customers import Customer


def customer_answer(customer: Customer) -> dict[str, Any]:
    """One customer in its wrapper."""
    return {"customer": customer_object(customer)}


def customers_answer(
    customers: Sequence[Customer], page: Page, total: int
) -> dict[str, Any]:
    """A page of customers."""
    return {
        "customers": [customer_object(customer) for customer in customers],
        "meta": page_meta(page.number, page.size, total),
    }
