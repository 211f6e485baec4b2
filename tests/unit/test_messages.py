"""The batch message: what was encoded is decoded, and nothing else is."""

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.batch_wire import decode_batch, encode_batch
from schemas.messages import BatchMessage, Counter, MessageInvalid, Rejection
from schemas.properties import write_properties
from schemas.timestamps import EARLIEST_US, LATEST_US

INSTANTS = st.integers(EARLIEST_US, LATEST_US - 1)
TEXTS = st.text(min_size=1, max_size=20)
VALUES = st.tuples(TEXTS, st.none())
MEMBERS = st.tuples(st.none(), st.lists(TEXTS, min_size=1, max_size=3).map(tuple))
PROPERTIES = st.dictionaries(
    st.text(st.characters(codec="ascii", categories=["L"]), min_size=1),
    st.integers(0, 9) | st.none() | st.booleans() | st.sampled_from(["", "ä\n"]),
    max_size=3,
).map(write_properties)
MORE = st.tuples(st.none() | PROPERTIES, st.booleans())


@st.composite
def messages(draw: st.DrawFn) -> BatchMessage:
    counters = [
        Counter(index, tid, sub, code, at, *value, *more)
        for index, (tid, sub, code, at, value, more) in enumerate(
            draw(
                st.lists(
                    st.tuples(TEXTS, TEXTS, TEXTS, INSTANTS, VALUES | MEMBERS, MORE),
                    max_size=5,
                )
            )
        )
    ]
    refused = Rejection(len(counters), None, "because")
    return BatchMessage(
        str(draw(st.uuids())),
        draw(st.integers(0, 2**31 - 1)),
        draw(INSTANTS),
        len(counters) + 1,
        tuple(counters),
        (refused,),
    )


@given(messages())
def test_a_message_survives_the_broker(message: BatchMessage) -> None:
    wire = json.dumps(encode_batch(message))

    assert decode_batch(json.loads(wire)) == message


@given(messages())
def test_only_what_older_workers_cannot_read_is_of_the_second_version(
    message: BatchMessage,
) -> None:
    plain = [
        replace(counter, properties=None, timestamp_given=True)
        for counter in message.counters
    ]

    encoded = encode_batch(replace(message, counters=tuple(plain)))
    assert encoded["version"] == 1
    assert all(len(row) == 7 for row in encoded["counters"])
    if message.counters != tuple(plain):
        assert encode_batch(message)["version"] == 2


def test_a_counter_without_a_value_is_of_the_second_version() -> None:
    counter = Counter(0, "t", "s", "c", EARLIEST_US, None, None)
    batch_id = str(uuid.uuid4())
    message = BatchMessage(batch_id, 1, EARLIEST_US, 1, (counter,), ())

    wire = encode_batch(message)
    assert wire["version"] == 2
    assert decode_batch(wire) == message


SECOND = {
    "version": 2,
    "batch_id": str(uuid.uuid4()),
    "service_id": 1,
    "received_at_us": EARLIEST_US,
    "received": 1,
    "rejections": [],
}


@pytest.mark.parametrize(
    "more",
    [
        ["1", None],
        ["1", ["m"], None, True],
        ["1", None, {"a": 1}, True],
        ["1", None, "[]", True],
        ["1", None, "{", True],
        ["1", None, None, 1],
        ["1", None, None, True, None],
    ],
)
def test_what_is_no_message_of_the_second_version_is_told_apart(more: Any) -> None:
    with pytest.raises(MessageInvalid):
        decode_batch({**SECOND, "counters": [[0, "t", "s", "c", EARLIEST_US, *more]]})


GOOD = {
    "version": 1,
    "batch_id": str(uuid.uuid4()),
    "service_id": 1,
    "received_at_us": EARLIEST_US,
    "received": 1,
    "counters": [[0, "t", "s", "c", EARLIEST_US, "1", None]],
    "rejections": [],
}


def bad_counter(place: int, value: object) -> dict[str, Any]:
    row: list[object] = list(GOOD["counters"][0])  # type: ignore[index]
    row[place] = value
    return {**GOOD, "counters": [row]}


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        {},
        {**GOOD, "version": 2},
        {**GOOD, "version": 3},
        {**GOOD, "version": [1]},
        {**GOOD, "batch_id": "no-uuid"},
        {**GOOD, "batch_id": 7},
        {**GOOD, "service_id": True},
        {**GOOD, "received": 10**12},
        {**GOOD, "received_at_us": 0},
        {**GOOD, "counters": 5},
        {**GOOD, "counters": [[0]]},
        bad_counter(0, -1),
        bad_counter(0, 1),
        {**GOOD, "received": 2},
        {**GOOD, "received": 2, "counters": GOOD["counters"] * 2},  # type: ignore[operator]
        bad_counter(1, None),
        bad_counter(4, 10**30),
        bad_counter(4, 1.5),
        bad_counter(5, 1),
        bad_counter(5, None),
        bad_counter(6, ["m"]),
        {**bad_counter(5, None), "counters": [[0, "t", "s", "c", 1, None, []]]},
    ],
)
def test_what_is_no_message_is_told_apart(body: Any) -> None:
    with pytest.raises(MessageInvalid):
        decode_batch(body)
