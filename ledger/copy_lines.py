"""New counters as the lines that COPY reads, in its text format."""

from collections.abc import Sequence

from psycopg import DataError

from ledger.columns import text_array
from ledger.place import EPOCH, MICROSECOND, Placed, Spot

_NULL = "\\N"
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def counter_lines(items: Sequence[Placed]) -> bytes:
    """A line for each item; columns as in the statement ``copy_counters``.

    Raises psycopg.DataError for a NUL, and UnicodeEncodeError, as psycopg would.
    """
    moments = {item.arrival.counter.timestamp_us for item in items}
    instants = {us: (EPOCH + us * MICROSECOND).isoformat() for us in moments}
    places = {spot: _place(spot) for spot in {item.spot for item in items}}
    names = _escaped([item.arrival.counter.transaction_id for item in items])
    lines = []
    for item, name in zip(items, names, strict=True):
        counter = item.arrival.counter
        before, after = places[item.spot]
        members = _NULL if item.members is None else _one(text_array(item.members))
        said = counter.properties
        properties = _NULL if said is None else _one(said)
        lines.append(
            f"{before}{counter.index}\t{name}\t{instants[counter.timestamp_us]}{after}"
            f"{item.arrival.batch_id}\t{item.value or _NULL}\t{members}\t{properties}\n"
        )
    return "".join(lines).encode()


def _place(spot: Spot) -> tuple[str, str]:
    """What a spot decides: the columns before item_index, those after occurred_at."""
    late_in = spot.period.start.isoformat() if spot.late else _NULL
    return (
        f"{spot.subscription_id}\t{spot.metric.id}\t",
        f"\t{spot.usage_start.isoformat()}\t{late_in}\t",
    )


def _escaped(texts: Sequence[str]) -> list[str]:
    """Texts as COPY reads them back; no text has a NUL, hence it is where one ends."""
    joined = "\0".join(texts)
    if joined.count("\0") != len(texts) - 1:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    for character, escape in _ESCAPES.items():
        joined = joined.replace(character, escape)
    return joined.split("\0")


def _one(text: str) -> str:
    [escaped] = _escaped([text])
    return escaped
