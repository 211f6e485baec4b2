"""Small batches that wait are folded in the transaction of the one in hand.

A batch keeps company once, in its first delivery. If anything goes wrong with it, all
of them go back uncounted, are marked by the broker as delivered before, and each goes
the way of ``workers.fold`` alone: there a poison is counted, and buried by itself. One
that ends the process costs its companions the one delivery that was counted before the
work, no more. That they come back after they were folded does no harm: they are done.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from ledger.batches import Delivery, apply_batches, return_batches, take_batches
from ledger.db import transaction
from schemas.batch_wire import decode_batch
from schemas.messages import BatchMessage, MessageInvalid
from schemas.settings import Settings
from workers.fold import anything_is_trouble, fold_message, is_trouble
from workers.waiting import ENOUGH_COUNTERS, WaitingBatches

_FIRST = Delivery("processing", 1)

log = structlog.get_logger()


@dataclass(frozen=True)
class Handed:
    """A message that Celery has handed over, and whether it was delivered before."""

    body: Any
    message_id: str
    again: bool


def fold_handed(
    settings: Settings, handed: Handed, waiting: WaitingBatches, now: datetime
) -> None:
    """Fold a message, in company or else alone. Raises Trouble when it must come back.

    Where a message has only one delivery, it is not spent in company.
    """
    url, limit = settings.database_url, settings.max_deliveries
    body, name = handed.body, handed.message_id
    alone = handed.again or limit == 1
    if alone or not fold_in_company(url, body, name, waiting, now):
        fold_message(url, body, name, limit, now)


def fold_in_company(
    database_url: str,
    body: Any,
    message_id: str,
    waiting: WaitingBatches,
    now: datetime,
) -> bool:
    """Fold a message in its first delivery with those that wait behind it.

    False when it is to be folded alone: nothing waits, or they cannot be folded
    together. Raises Trouble when it has to come back.
    """
    with anything_is_trouble(message_id):
        companions = waiting.take(_size(body))
        done: set[str] = set()
        try:
            return bool(companions) and _fold_all(
                database_url, body, [c.batch for c in companions], now, done
            )
        finally:
            waiting.settle(companions, done)


def _size(body: Any) -> int:
    """Counters in a message that may be none: then it keeps no company."""
    try:
        return len(body["counters"])
    except (KeyError, TypeError):
        return ENOUGH_COUNTERS


def _fold_all(
    database_url: str,
    body: Any,
    others: Iterable[BatchMessage],
    now: datetime,
    done: set[str],
) -> bool:
    """Whether the first is done. Adds the id of each batch that is to ``done``."""
    try:
        first = decode_batch(body)
    except MessageInvalid:
        return False
    services: dict[int, dict[str, BatchMessage]] = defaultdict(dict)
    for batch in (first, *others):
        services[batch.service_id][batch.batch_id] = batch
    for batches in services.values():
        if _fold_service(database_url, list(batches.values()), now):
            done.update(batches)
    return first.batch_id in done


def _fold_service(
    database_url: str, batches: Sequence[BatchMessage], now: datetime
) -> bool:
    """Count the deliveries, then apply all in one transaction; False undoes the count.

    Raises what is trouble with the database, since to go on now would be in vain.
    """
    counted: list[str] = []
    try:
        with transaction(database_url) as conn:
            deliveries = take_batches(conn, batches)
        counted = list(deliveries)
        if any(delivery != _FIRST for delivery in deliveries.values()):
            _uncount(database_url, counted)
            return False
        with transaction(database_url) as conn:
            tallies = apply_batches(conn, batches, now)
    except Exception as error:  # of any kind: alone, each shows whose fault it is
        log.warning(
            "batches_not_folded_together",
            batches=len(batches),
            error=type(error).__name__,
        )
        _uncount(database_url, counted)
        if is_trouble(error):
            raise
        return False
    for batch_id, tally in tallies.items():
        log.info("batch_done", batch_id=batch_id, company=len(batches), **tally)
    return True


def _uncount(database_url: str, batch_ids: Sequence[str]) -> None:
    with transaction(database_url) as conn:
        return_batches(conn, batch_ids)
