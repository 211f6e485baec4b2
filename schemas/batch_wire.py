"""A batch as the message that the broker stores: JSON values, and back."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from schemas.messages import MAX_INT4, BatchMessage, Counter, MessageInvalid, Rejection
from schemas.properties import read_properties
from schemas.timestamps import EARLIEST_US, LATEST_US

MESSAGE_VERSION: Final = 1
PROPERTIES_VERSION: Final = 2
"""Of a message with a counter that version 1 has no place for: properties, no value of
its own, no timestamp. Workers read both; older ones only the first."""


def encode_batch(message: BatchMessage) -> dict[str, Any]:
    """The batch as plain JSON values, counters as rows to keep the message small."""
    plain = all(counter.is_plain for counter in message.counters)
    return {
        "version": MESSAGE_VERSION if plain else PROPERTIES_VERSION,
        "batch_id": message.batch_id,
        "service_id": message.service_id,
        "received_at_us": message.received_at_us,
        "received": message.received,
        "counters": [
            [
                c.index,
                c.transaction_id,
                c.external_subscription_id,
                c.code,
                c.timestamp_us,
                c.value,
                c.members,
                *(() if plain else (c.properties, c.timestamp_given)),
            ]
            for c in message.counters
        ],
        "rejections": [
            [r.index, r.transaction_id, r.reason] for r in message.rejections
        ],
    }


def decode_batch(body: Any) -> BatchMessage:
    """The batch back from JSON values. Raises MessageInvalid when it is not one."""
    try:
        read_counter = _READERS.get(body["version"])
        if read_counter is None:
            raise MessageInvalid(
                f"message version {body['version']!r} is not one of "
                f"{sorted(_READERS)}: a newer API talks to an older worker; upgrade "
                "the workers, then replay"
            )
        message = BatchMessage(
            batch_id=str(UUID(body["batch_id"])),
            service_id=_whole(body["service_id"], MAX_INT4),
            received_at_us=_instant(body["received_at_us"]),
            received=_whole(body["received"], MAX_INT4),
            counters=tuple(read_counter(*row) for row in body["counters"]),
            rejections=tuple(_rejection(*row) for row in body["rejections"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, MessageInvalid):
            raise
        raise MessageInvalid(f"not a batch message: {error!r}") from error
    indexes = [counter.index for counter in message.counters]
    indexes += [rejection.index for rejection in message.rejections]
    if sorted(indexes) != list(range(message.received)):
        raise MessageInvalid("its items are not numbered from 0 to received - 1")
    return message


def _counter(
    index: object,
    transaction_id: object,
    subscription: object,
    code: object,
    timestamp_us: object,
    value: object,
    members: object,
) -> Counter:
    if (value is None) == (members is None):
        raise MessageInvalid(f"item {index}: exactly one of value and members is set")
    return Counter(
        _whole(index, MAX_INT4),
        _text(transaction_id),
        _text(subscription),
        _text(code),
        _instant(timestamp_us),
        None if value is None else _text(value),
        None if members is None else _texts(members),
    )


def _counter_with_properties(
    index: object,
    transaction_id: object,
    subscription: object,
    code: object,
    timestamp_us: object,
    value: object,
    members: object,
    properties: object,
    timestamp_given: object,
) -> Counter:
    if value is not None and members is not None:
        raise MessageInvalid(f"item {index}: at most one of value and members is set")
    if type(timestamp_given) is not bool:
        raise MessageInvalid(f"item {index}: whether a timestamp was given is not said")
    return Counter(
        _whole(index, MAX_INT4),
        _text(transaction_id),
        _text(subscription),
        _text(code),
        _instant(timestamp_us),
        None if value is None else _text(value),
        None if members is None else _texts(members),
        None if properties is None else _properties(properties),
        timestamp_given,
    )


_READERS: Mapping[int, Callable[..., Counter]] = {
    MESSAGE_VERSION: _counter,
    PROPERTIES_VERSION: _counter_with_properties,
}


def _rejection(index: object, transaction_id: object, reason: object) -> Rejection:
    named = None if transaction_id is None else _text(transaction_id)
    return Rejection(_whole(index, MAX_INT4), named, _text(reason))


def _whole(value: object, limit: int) -> int:
    if type(value) is not int or not 0 <= value <= limit:
        raise MessageInvalid(f"not a whole number from 0 to {limit}")
    return value


def _instant(value: object) -> int:
    if type(value) is not int or not EARLIEST_US <= value < LATEST_US:
        raise MessageInvalid("not microseconds of the years 2000 to 2099")
    return value


def _text(value: object) -> str:
    if type(value) is not str:
        raise MessageInvalid("not a text where one belongs")
    return value


def _properties(value: object) -> str:
    text = _text(value)
    read_properties(text)
    return text


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise MessageInvalid("not a list of members")
    return tuple(_text(value) for value in values)
