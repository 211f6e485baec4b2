"""The types of webhooks that an endpoint may ask for, and what each tells about.

Lago's types are all known, so that the set-up of a client is not refused for one that
is never sent; which are sent, the guide for app developers says.
"""

from typing import Final

ALL_TYPES: Final = "*"

_LAGO: Final = {
    "alert": "triggered",
    "billable_metric": "created updated deleted",
    "credit_note": "created generated refund_failure",
    "customer": "created updated accounting_provider_created"
    " accounting_provider_error crm_provider_created crm_provider_error"
    " payment_provider_created payment_provider_error checkout_url_generated"
    " tax_provider_error vies_check",
    "dunning_campaign": "finished",
    "event": "error",
    "events": "errors",
    "feature": "created updated deleted",
    "fee": "created tax_provider_error",
    "integration": "provider_error",
    "invoice": "created one_off_created add_on_added paid_credit_added generated"
    " drafted ready_to_finalize voided deleted payment_dispute_lost"
    " payment_status_updated payment_overdue payment_failure resynced",
    "order": "created executed",
    "order_form": "created signed expired voided",
    "payment": "requires_action succeeded",
    "payment_provider": "error",
    "payment_receipt": "created generated",
    "payment_request": "created payment_failure payment_status_updated",
    "plan": "created updated deleted",
    "quote": "created approved voided",
    "subscription": "terminated incomplete canceled started updated termination_alert"
    " trial_ended usage_threshold_reached",
    "wallet": "created updated terminated depleted_ongoing_balance",
    "wallet_transaction": "created updated payment_failure",
}
LAGO_TYPES: Final = frozenset(
    f"{group}.{name}" for group, names in _LAGO.items() for name in names.split()
)
OWN_TYPES: Final = frozenset(
    {
        "batch.processed",
        "batch.rejected",
        "counters.conflict",
        "counters.parked",
        "credit_note.voided",
        "usage.period_closed",
    }
)
KNOWN_TYPES: Final = LAGO_TYPES | OWN_TYPES

_OBJECTS: Final = {
    "counters.conflict": "batch",
    "counters.parked": "batch",
    "events.errors": "events_errors",
    "usage.period_closed": "period",
}


def object_type_of(event_type: str) -> str:
    """What a body in Lago's style calls its object: ``invoice.created`` → invoice."""
    return _OBJECTS.get(event_type) or event_type.partition(".")[0]
