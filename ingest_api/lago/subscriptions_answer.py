"""Subscriptions as Lago's clients read them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ingest_api.lago.wrapped import Page
from ingest_api.reads import page_meta
from ledger.subscription_object import subscription_object
from ledger.subscriptions import Subscription


def subscription_answer(subscription: Subscription, now: datetime) -> dict[str, Any]:
    """One subscription in its wrapper."""
    return {"subscription": subscription_object(subscription, now)}


def subscriptions_answer(
    subscriptions: Sequence[Subscription], page: Page, total: int, now: datetime
) -> dict[str, Any]:
    """A page of subscriptions."""
    return {
        "subscriptions": [subscription_object(each, now) for each in subscriptions],
        "meta": page_meta(page.number, page.size, total),
    }
