"""A rollup to send to Odoo: what it is, and what it comes to."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ledger.charge import Charge
from ledger.charge_json import charge_from_json, read_charge
from ledger.parts import Line
from ledger.rating import Correction, Rating, Usage, rate_correction, rate_usage
from ledger.unrated import RATING_ERRORS
from ledger.working import billed_line, prior_from_json

_JSON_COLUMNS = (3, 9, 10)
"""Tiers, group keys and filters among what ``read_charge`` takes after the model."""


@dataclass(frozen=True)
class Claim:
    """A rollup to send, as it was when claimed; codes and external ids name it to Odoo.

    ``charge`` is what it is or was rated by, None: nothing. ``frozen`` is its rating
    for good, ``before`` what a correction's usage was billed at last. ``unreadable``
    says why the charge is none that can be read.
    """

    subscription_id: int
    metric_id: int
    period_start: datetime
    usage_start: datetime
    period_end: datetime
    quantity: Decimal
    base: Decimal
    revision: int
    attempts: int
    service_id: int
    service: str
    subscription: str
    metric: str
    currency: str
    frozen: Rating | Correction | None
    before: Rating
    charge: Charge | None
    aggregation: str
    usage: Usage
    unreadable: str | None = None

    @property
    def is_correction(self) -> bool:
        """Whether its usage belongs to an earlier period, which is frozen."""
        return self.usage_start < self.period_start

    def rate(self) -> Rating | Correction:
        """What it comes to. Raises RATING_ERRORS."""
        if self.frozen is not None:
            return self.frozen
        if self.unreadable is not None:
            raise ValueError(self.unreadable)
        if self.is_correction:
            return rate_correction(self.charge, self.before, self.usage, self.currency)
        return rate_usage(self.charge, self.usage, self.currency)


def claim_of(*row: Any) -> Claim:
    """From a row of the statement ``read_claims``."""
    values, (aggregation, counters, currency, *more) = row[:13], row[13:]
    rating, stored, *charge_row = more
    prior = prior_from_json(stored, currency)
    charge, unreadable = prior.charge, None
    if stored is None:
        try:
            charge = _charge(*charge_row)
        except RATING_ERRORS as error:
            unreadable = str(error)
    frozen = None if rating is None else billed_line(rating)
    if rating is not None:
        currency, charge = rating["currency"], charge_from_json(rating["charge"])
    elif stored is not None:
        currency = prior.currency
    usage = Usage(values[5], counters)
    rated = (currency, frozen, prior.before, charge, aggregation, usage, unreadable)
    return Claim(*(*values, *rated))


def line_of(claim: Claim) -> Line:
    """The rollup that is to be rated: what is frozen is not, any more."""
    return Line(
        claim.subscription_id,
        claim.metric_id,
        claim.period_start,
        claim.usage_start,
        claim.aggregation,
        claim.quantity,
        claim.usage.events,
        claim.charge if claim.frozen is None else None,
    )


@lru_cache(maxsize=1024)
def _charge(model: str | None, *columns: Any) -> Charge | None:
    """Kept by its values: a thousand rollups are priced by a few charges."""
    if model is None:
        return None
    values = list(columns)
    for place in _JSON_COLUMNS:
        values[place] = json.loads(values[place])
    return read_charge(model, *values)
