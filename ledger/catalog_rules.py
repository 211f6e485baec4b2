"""What a metric or plan cannot be changed to, because of what uses it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ledger.catalog_read import read_metric
from ledger.db import Connection
from ledger.holding import METRIC, lock_records
from ledger.local_changes import LocalChangeRefused
from ledger.queries import load_queries
from schemas.catalog_entries import Charge, Metric, Plan

_SQL = load_queries("catalog_rules")


class InUse(LocalChangeRefused):
    """A change that something which uses the record does not allow."""


def check_metric(
    conn: Connection, service: str, before: Metric, after: Metric, now: datetime
) -> None:
    """Refuse what the plans that charge the metric do not allow, with InUse.

    Archived plans without subscriptions do not count. With usage the aggregation stays.
    """
    if before == after:
        return
    names = {"service": service, "code": before.code, "now": now}
    charges = conn.execute(_SQL["charges_of_metric"], names).fetchall()
    if charges:
        plan = charges[0][0]
        if after.archived and not before.archived:
            raise InUse(f"code: plan {plan} charges it")
        for field in ("aggregation", "field_name"):
            if getattr(before, field) != getattr(after, field):
                raise InUse(f"{field}: cannot change, as plan {plan} charges it")
    if (
        before.aggregation != after.aggregation
        and conn.execute(_SQL["usage_of_metric"], names).fetchone()
    ):
        raise InUse("aggregation: cannot change, as there is usage of it")
    allowed = {entry.key: set(entry.values) for entry in after.filters}
    for plan, filters in charges:
        for found in filters:
            _check_values(allowed, found["values"].items(), f"plan {plan} charges")


def check_charges(conn: Connection, service: str, plan: Plan) -> None:
    """Refuse charges of metrics that are archived, or by filters that those lack.

    Locks the metrics, so that none of them changes in the meantime. What is not there
    at all is left to the writing.
    """
    lock_records(conn, METRIC, service, {charge.metric for charge in plan.charges})
    for charge in plan.charges:
        metric = read_metric(conn, service, charge.metric)
        if metric is not None:
            _check_charge(charge, metric)


def check_revived(
    conn: Connection, service: str, before: Plan, after: Plan, now: datetime
) -> None:
    """Refuse another plan in place of an archived one that still has subscriptions."""
    if not before.archived or after.archived:
        return
    if has_subscriptions(conn, service, before.code, now):
        raise InUse(
            "code: is that of an archived plan that still has subscriptions to bill"
        )


def has_subscriptions(conn: Connection, service: str, plan: str, now: datetime) -> bool:
    """Whether a subscription has the plan, had or will have it, unless it has ended and
    its last period is frozen: until then it is billed by what the plan is."""
    names = {"service": service, "code": plan, "now": now}
    found = conn.execute(_SQL["subscriptions_of_plan"], names).fetchone()
    return found is not None


def _check_charge(charge: Charge, metric: Metric) -> None:
    if metric.archived:
        raise LocalChangeRefused(f"charges: metric {charge.metric} is archived")
    allowed = {entry.key: set(entry.values) for entry in metric.filters}
    for entry in charge.filters:
        try:
            _check_values(allowed, entry.values, f"metric {metric.code} has no")
        except InUse as error:
            text = str(error).removeprefix("filters: ")
            raise LocalChangeRefused(f"charges: {text}") from error


def _check_values(
    allowed: Mapping[str, set[str]], values: Iterable[tuple[str, Any]], why: str
) -> None:
    for key, wanted in values:
        if missing := sorted(set(wanted) - allowed.get(key, set())):
            raise InUse(f"filters: {why} {key} {missing[0]}")
