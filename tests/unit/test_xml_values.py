"""What XML-RPC carries comes out as it went in; what it cannot carry is an error."""

import xmlrpc.client
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo_bridge.client import to_wire
from odoo_bridge.xml_values import XmlInvalid, write_call

TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r<>&\"']")
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


def read_back(body: bytes) -> Any:
    """The one argument, as Odoo's parser reads it."""
    (value,), method = xmlrpc.client.loads(body.decode())
    assert method == "f"
    return value


@given(VALUES)
def test_a_value_comes_out_as_it_went_in(value: Any) -> None:
    assert read_back(write_call("f", [value])) == value


def test_a_decimal_is_text_by_then() -> None:
    assert read_back(write_call("f", [to_wire(Decimal("1E-9"))])) == "0.000000001"


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, Decimal(1), object()])
def test_what_has_no_form_is_an_error(value: Any) -> None:
    with pytest.raises(XmlInvalid):
        write_call("f", [value])


@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_a_sign_that_xml_cannot_hold_is_named(sign: str) -> None:
    for value in (sign, [f"a{sign}b"], {"a": sign}, {sign: 1}):
        with pytest.raises(XmlInvalid, match="XML-RPC cannot carry it"):
            write_call("f", [value])


def test_a_list_that_holds_itself_is_an_error() -> None:
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(XmlInvalid):
        write_call("f", [endless])
