"""Calls of Lago's clients whose routes are still to come."""

from tests.lago.client_calls import Call

COMING: set[Call] = {
    ("POST", "/billable_metrics"),
    ("DELETE", "/billable_metrics/ID"),
    ("PUT", "/billable_metrics/ID"),
    ("GET", "/customers/ID/projected_usage"),
    ("GET", "/customers/ID/subscriptions"),
    ("GET", "/events"),
    ("POST", "/events"),
    ("GET", "/events/ID"),
    ("POST", "/events/batch"),
    ("POST", "/events/estimate_fees"),
    ("POST", "/plans"),
    ("DELETE", "/plans/ID"),
    ("PUT", "/plans/ID"),
    ("GET", "/subscriptions"),
    ("POST", "/subscriptions"),
    ("DELETE", "/subscriptions/ID"),
    ("GET", "/subscriptions/ID"),
    ("PUT", "/subscriptions/ID"),
    ("GET", "/subscriptions/ID/entitlements"),
    ("PATCH", "/subscriptions/ID/entitlements"),
    ("DELETE", "/subscriptions/ID/entitlements/ID"),
    ("DELETE", "/subscriptions/ID/entitlements/ID/privileges/ID"),
    ("GET", "/subscriptions/ID/lifetime_usage"),
    ("PUT", "/subscriptions/ID/lifetime_usage"),
}
