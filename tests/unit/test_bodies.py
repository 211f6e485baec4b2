"""Reading bodies: strict JSON, numbers without floats, gzip within bounds (P15)."""

import gzip
import tracemalloc
import zlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_api.batch_ids import new_batch_id, parse_batch_id
from ingest_api.bodies import MAX_BODY_BYTES, unpack_gzip
from ingest_api.errors import ApiError
from ingest_api.strict_json import JsonInvalid, TooManyObjects, parse_json


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b"", "line 1"),
        (b"{", "line 1"),
        (b"{'a': 1}", "line 1"),
        (b'{"a": 1,}', "line 1"),
        (b"[1] 2", "Extra data"),
        (b"\xff\xfe", "UTF-8 at byte 0"),
        (b'"\xed\xa0\x80"', "UTF-8 at byte 1"),
        ("\ufeff{}".encode(), "BOM"),
        (b"[NaN]", "NaN"),
        (b"[Infinity]", "NaN"),
        (b"[-Infinity]", "NaN"),
        (b'{"a": 1, "a": 1}', "twice"),
        (b'[{"x": {"a": 1, "\\u0061": 2}}]', "twice"),
        (b"[" * 1_000_000, "deep"),
        (b'{"a":' * 1_000_000, "deep"),
        (b'"a\nb"', "line 1"),
        (b"01", "Extra data"),
    ],
)
def test_what_is_not_json_is_refused_in_a_sentence(body: bytes, hint: str) -> None:
    with pytest.raises(JsonInvalid, match=hint) as caught:
        parse_json(body, 10)

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.1", Decimal("0.1")),
        ("1e2", Decimal("1E+2")),
        ("-0.0", Decimal("-0.0")),
        ("12", 12),
        ("1e400", Decimal("1E+400")),
        ("1" * 41, Decimal("1" * 41)),
        ("1e99999999999999999999", Decimal("Infinity")),
        ("-1e-99999999999999999999", Decimal("Infinity")),
    ],
)
def test_numbers_are_exact_and_never_floats(text: str, number: Any) -> None:
    [parsed] = parse_json(f"[{text}]".encode(), 1)

    assert parsed == number
    assert type(parsed) is type(number)


def test_a_number_of_a_million_digits_is_read_in_linear_time() -> None:
    [parsed] = parse_json(b"[" + b"7" * 1_000_000 + b"]", 1)

    assert isinstance(parsed, Decimal)


def test_more_objects_than_a_batch_holds_end_the_reading() -> None:
    assert parse_json(b"[{},{}]", 2) == [{}, {}]

    with pytest.raises(TooManyObjects):
        parse_json(b"[{},{},{}]", 2)


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_a_clear_error(body: bytes) -> None:
    try:
        parse_json(body, 100)
    except JsonInvalid as error:
        assert str(error)


def test_gzip_is_unpacked() -> None:
    assert unpack_gzip(gzip.compress(b"{}" * 100)) == b"{}" * 100


def test_a_gzip_bomb_is_stopped_while_it_unpacks() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1024 * 1024)
    bomb = b"".join(packer.compress(zeros) for _ in range(1024)) + packer.flush()
    assert len(bomb) < MAX_BODY_BYTES
    tracemalloc.start()

    with pytest.raises(ApiError) as caught:
        unpack_gzip(bomb)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.status == 413
    assert peak < 4 * MAX_BODY_BYTES


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        gzip.compress(b"{}", mtime=0)[:-1],
        gzip.compress(b"{}", mtime=0)[:5],
        gzip.compress(b"{}", mtime=0) + b"more",
        gzip.compress(b"{}", mtime=0) * 2,
        zlib.compress(b"{}"),
    ],
)
def test_damaged_gzip_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        unpack_gzip(body)

    assert caught.value.status == 400


def test_batch_ids_rise_with_time_and_are_read_in_one_form_only() -> None:
    ids = [new_batch_id(1_767_225_600_000_000 + n) for n in range(0, 5000, 250)]

    assert ids == sorted(ids)
    assert all(id_[14] == "7" and parse_batch_id(id_) == id_ for id_ in ids)
    assert parse_batch_id(ids[0].upper()) == ids[0]
    for odd in (f"{{{ids[0]}}}", ids[0].replace("-", ""), f"urn:uuid:{ids[0]}", "\0"):
        assert parse_batch_id(odd) is None
