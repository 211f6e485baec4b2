"""Records of Odoo's own models: created, read, written, removed, and what refuses."""

import xmlrpc.client
from datetime import datetime
from typing import Any

import pytest

from tests.contract.odoo_target import OdooTarget

MISSING = 99999999
PARTNER = "res.partner"
ORDER = "sale.order"

VALUE_ERROR = (500, "builtins.ValueError")
INVALID = (422, "odoo.exceptions.ValidationError")
GONE = (404, "odoo.exceptions.MissingError")


@pytest.fixture
def acme(odoo: OdooTarget) -> int:
    """A client."""
    (key,) = odoo.ask(PARTNER, "create", vals_list={"name": "Acme"})
    assert isinstance(key, int)
    return key


def read_one(odoo: OdooTarget, model: str, key: int, *fields: str) -> dict[str, Any]:
    """One record's fields."""
    (row,) = odoo.ask(model, "read", ids=[key], fields=list(fields))
    assert isinstance(row, dict)
    return row


def test_json2_create_answers_a_list_always(odoo: OdooTarget) -> None:
    one = odoo.ask(PARTNER, "create", vals_list={"name": "One"})
    two = odoo.ask(PARTNER, "create", vals_list=[{"name": "A"}, {"name": "B"}])

    assert (len(one), len(two)) == (1, 2)
    assert odoo.ask(PARTNER, "create", vals_list=[]) == []


def test_xmlrpc_create_answers_one_id_or_a_list(odoo: OdooTarget) -> None:
    assert isinstance(odoo.execute(PARTNER, "create", {"name": "One"}), int)
    assert len(odoo.execute(PARTNER, "create", [{"name": "A"}, {"name": "B"}])) == 2


def test_what_is_not_set_reads_false_and_an_integer_zero(
    odoo: OdooTarget, acme: int
) -> None:
    assert read_one(odoo, PARTNER, acme, "email", "parent_id", "color") == {
        "id": acme,
        "email": False,
        "parent_id": False,
        "color": 0,
    }


def test_a_link_reads_as_id_and_name_or_the_bare_id(
    odoo: OdooTarget, acme: int
) -> None:
    (child,) = odoo.ask(
        PARTNER, "create", vals_list={"name": "Child", "parent_id": acme}
    )

    assert read_one(odoo, PARTNER, child, "parent_id")["parent_id"] == [acme, "Acme"]
    bare = odoo.ask(PARTNER, "read", ids=[child], fields=["parent_id"], load=None)
    assert bare == [{"id": child, "parent_id": acme}]


def test_dates_cross_as_utc_text_without_fractions(odoo: OdooTarget, acme: int) -> None:
    moment = "2026-01-31 23:59:59"
    (order,) = odoo.ask(
        ORDER, "create", vals_list={"partner_id": acme, "date_order": moment}
    )
    row = read_one(odoo, ORDER, order, "date_order", "create_date")

    assert row["date_order"] == moment
    datetime.strptime(row["create_date"] + "+0000", "%Y-%m-%d %H:%M:%S%z")


def test_a_date_alone_is_its_midnight(odoo: OdooTarget, acme: int) -> None:
    (order,) = odoo.ask(
        ORDER, "create", vals_list={"partner_id": acme, "date_order": "2026-01-31"}
    )

    row = read_one(odoo, ORDER, order, "date_order")
    assert row["date_order"] == "2026-01-31 00:00:00"


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T10:00:00",
        "2026-01-31T10:00:00Z",
        "2026-01-31 10:00:00.5",
        "31/01/2026",
    ],
)
def test_other_forms_of_a_datetime_are_a_value_error(
    odoo: OdooTarget, acme: int, text: str
) -> None:
    values = {"partner_id": acme, "date_order": text}

    assert odoo.refusal(ORDER, "create", vals_list=values)[:2] == VALUE_ERROR


def test_what_odoo_keeps_itself_is_passed_over(odoo: OdooTarget) -> None:
    given = {"name": "X", "id": 1, "create_date": "2020-01-01 00:00:00"}
    (key,) = odoo.ask(PARTNER, "create", vals_list=given)

    assert key != 1
    created = read_one(odoo, PARTNER, key, "create_date")["create_date"]
    assert not created.startswith("2020")


def test_values_that_do_not_fit_their_type_are_a_value_error(
    odoo: OdooTarget, acme: int
) -> None:
    refusals = [
        odoo.refusal(PARTNER, "create", vals_list={"name": "x", "nope": 1}),
        odoo.refusal(PARTNER, "create", vals_list={"name": "x", "color": "red"}),
        odoo.refusal(PARTNER, "create", vals_list={"name": "a\0b"}),
        odoo.refusal(ORDER, "create", vals_list={"partner_id": acme, "state": "zz"}),
        odoo.refusal(PARTNER, "read", ids=[acme], fields=["nope"]),
    ]

    assert [(status, name) for status, name, _ in refusals] == [VALUE_ERROR] * 5


def test_an_integer_past_its_column_names_the_databases_error(
    odoo: OdooTarget, acme: int
) -> None:
    assert odoo.refusal(PARTNER, "write", ids=[acme], vals={"color": 2**31}) == (
        500,
        "psycopg2.errors.NumericValueOutOfRange",
        "integer out of range\n",
    )


def test_constraints_are_validation_errors_in_the_models_words(
    odoo: OdooTarget, acme: int
) -> None:
    odoo.ask(ORDER, "create", vals_list={"partner_id": acme})

    refused = "The operation cannot be completed: "
    assert odoo.refusal(PARTNER, "create", vals_list={}) == (
        *INVALID,
        refused + "Contacts require a name",
    )
    assert odoo.refusal(
        "res.users", "create", vals_list={"login": odoo.login, "name": "x"}
    ) == (*INVALID, refused + "You can not have two users with the same login!")
    status, name, message = odoo.refusal(ORDER, "create", vals_list={})
    assert (status, name) == INVALID
    assert "Missing required value for the field 'Customer' (partner_id)" in message
    status, name, message = odoo.refusal(PARTNER, "unlink", ids=[acme])
    assert (status, name) == INVALID
    assert "The troublemaker is: 'Sales Order' (sale.order)" in message


def test_a_failed_call_leaves_nothing(odoo: OdooTarget) -> None:
    rows = [{"name": "Left behind?", "ref": "half-done"}, {"name": False}]
    odoo.refusal(PARTNER, "create", vals_list=rows)

    domain = [["ref", "=", "half-done"]]
    assert odoo.ask(PARTNER, "search_count", domain=domain) == 0


def test_missing_records_are_missing_to_write_and_empty_to_read(
    odoo: OdooTarget,
) -> None:
    assert odoo.ask(PARTNER, "read", ids=[MISSING], fields=["name"]) == []
    for refusal in (
        odoo.refusal(PARTNER, "write", ids=[MISSING], vals={"ref": "x"}),
        odoo.refusal(PARTNER, "unlink", ids=[MISSING]),
        odoo.refusal(ORDER, "write", ids=[MISSING], vals={"client_order_ref": "x"}),
        odoo.refusal(ORDER, "create", vals_list={"partner_id": MISSING}),
    ):
        assert refusal[:2] == GONE
        assert refusal[2].startswith("Record does not exist or has been deleted.")


def test_unlink_of_a_missing_product_is_true(odoo: OdooTarget) -> None:
    assert odoo.ask("product.product", "unlink", ids=[MISSING]) is True


def test_null_and_false_both_clear(odoo: OdooTarget, acme: int) -> None:
    odoo.ask(PARTNER, "write", ids=[acme], vals={"ref": "x", "phone": "1"})
    odoo.ask(PARTNER, "write", ids=[acme], vals={"ref": None, "phone": False})

    row = read_one(odoo, PARTNER, acme, "ref", "phone")
    assert (row["ref"], row["phone"]) == (False, False)


def test_the_address_is_normalized_beside_the_text(odoo: OdooTarget) -> None:
    emails = ['"Jane" <Jane@X.test>', "a@x.test, b@x.test", "nonsense", False]
    keys = odoo.ask(
        PARTNER, "create", vals_list=[{"name": "p", "email": e} for e in emails]
    )
    rows = odoo.ask(PARTNER, "read", ids=keys, fields=["email_normalized"])

    found = [row["email_normalized"] for row in rows]
    assert found == ["jane@x.test", "a@x.test", False, False]


def test_read_keeps_the_order_of_the_ids(odoo: OdooTarget, acme: int) -> None:
    rows = odoo.ask(PARTNER, "read", ids=[acme, MISSING, acme], fields=["name"])

    assert rows == [{"id": acme, "name": "Acme"}] * 2


def test_fields_get_gives_the_attributes_asked_for(odoo: OdooTarget) -> None:
    found = odoo.ask(
        ORDER,
        "fields_get",
        allfields=["partner_id", "date_order", "nope"],
        attributes=["type", "relation", "required"],
    )

    assert found == {
        "partner_id": {"type": "many2one", "relation": PARTNER, "required": True},
        "date_order": {"type": "datetime", "required": True},
    }


def test_name_search_answers_pairs(odoo: OdooTarget, acme: int) -> None:
    found = odoo.ask(
        PARTNER, "name_search", name="acm", domain=[["id", "=", acme]], limit=3
    )

    assert found == [[acme, "Acme"]]


def test_an_order_gets_a_number_and_is_a_draft(odoo: OdooTarget, acme: int) -> None:
    (order,) = odoo.ask(ORDER, "create", vals_list={"partner_id": acme})
    row = read_one(odoo, ORDER, order, "name", "state", "display_name")

    assert row["name"].startswith("S0")
    assert row["display_name"] == row["name"]
    assert row["state"] == "draft"


def test_xmlrpc_refuses_values_as_json2_does(odoo: OdooTarget, acme: int) -> None:
    for number, values in ((1, {"color": "red"}), (2, {"name": False})):
        with pytest.raises(xmlrpc.client.Fault) as caught:
            odoo.execute(PARTNER, "write", [acme], values)
        assert caught.value.faultCode == number


def test_xmlrpc_takes_native_datetimes(odoo: OdooTarget, acme: int) -> None:
    moment = xmlrpc.client.DateTime("20260131T10:00:00")
    order = odoo.execute(ORDER, "create", {"partner_id": acme, "date_order": moment})

    row = read_one(odoo, ORDER, order, "date_order")
    assert row["date_order"] == "2026-01-31 10:00:00"
