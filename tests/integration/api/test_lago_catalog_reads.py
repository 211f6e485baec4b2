"""Lago's client reads metrics, plans and charges, as Odoo brought them."""

from typing import Any

import pytest
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models.charge import ChargesResponse

from ledger.db import Connection
from tests.api_world import Person
from tests.lago_world import lago_client

FILTERS = """
    UPDATE metric SET filters = '[{"key": "region", "values": ["ca", "us"]}]',
                      description = 'Bytes', field_name = 'bytes',
                      rounding = 'ceil', rounding_precision = 2
     WHERE service_id = %(id)s AND code = 'sum'
"""
CHARGE = """
    UPDATE charge SET model = 'percentage', price = 1.50, fixed = 0.10, included = 7,
                      package_size = NULL, free_events = 3, minimum = 12.34,
                      display_name = 'Traffic', group_keys = '{region}',
           filters = '[{"id": "5f3a4bb2-31a9-4f0c-a6a1-0a27e8a8f6aa", "name": "Home",
                        "values": {"region": ["ca"]}, "price": "0.5"}]'
      FROM plan p, metric m
     WHERE p.id = plan_id AND m.id = metric_id AND m.code = 'sum'
       AND p.service_id = %(id)s
"""


THEIRS = """
    WITH renamed AS (
        UPDATE metric SET code = 'theirs' WHERE service_id = %(id)s AND code = 'sum'
    )
    UPDATE plan SET code = 'theirs' WHERE service_id = %(id)s
"""
ODD = ["%00", "%ff", "%ed%a0%80", "x" * 800, "%2F", "..", "'"]
NO_PAGES = [{"page": "0"}, {"per_page": "x"}, {"page": "9" * 40}]


@pytest.fixture
def client(url: str, olga: Person) -> Any:
    return lago_client(url, olga.key)


def dressed(conn: Connection, olga: Person) -> None:
    """Olga's sum has all that a metric and a charge can have."""
    for statement in (FILTERS, CHARGE):
        conn.execute(statement, {"id": olga.service_id})
    conn.commit()


def test_metrics_are_listed_with_a_page(client: Any) -> None:
    first = client.billable_metrics.find_all({"per_page": 3})
    second = client.billable_metrics.find_all({"per_page": 3, "page": 2})

    codes = [m.code for page in (first, second) for m in page["billable_metrics"]]
    assert sorted(codes) == ["count", "last", "max", "sum", "unique"]
    assert first["meta"] == {
        "current_page": 1,
        "next_page": 2,
        "prev_page": None,
        "total_pages": 2,
        "total_count": 5,
    }


def test_a_metric_reads_as_lagos(client: Any, conn: Connection, olga: Person) -> None:
    dressed(conn, olga)

    metric = client.billable_metrics.find("sum")

    assert metric.name == "The sum"
    assert metric.description == "Bytes"
    assert metric.aggregation_type == "sum_agg"
    assert metric.field_name == "bytes"
    assert (metric.rounding_function, metric.rounding_precision) == ("ceil", 2)
    assert metric.recurring is False
    assert [(f.key, f.values) for f in metric.filters.__root__] == [
        ("region", ["ca", "us"])
    ]


@pytest.mark.parametrize(
    ("code", "lagos"),
    [
        ("max", "max_agg"),
        ("last", "latest_agg"),
        ("unique", "unique_count_agg"),
        ("count", "count_agg"),
    ],
)
def test_every_aggregation_has_lagos_name(client: Any, code: str, lagos: str) -> None:
    metric = client.billable_metrics.find(code)

    assert metric.aggregation_type == lagos
    assert metric.rounding_function is None


def test_a_plan_reads_as_lagos(client: Any, conn: Connection, olga: Person) -> None:
    dressed(conn, olga)

    plan = client.plans.find("plan")

    assert (plan.name, plan.interval, plan.amount_cents) == ("Plan", "monthly", 500)
    assert (plan.amount_currency, plan.pay_in_advance) == ("CAD", False)
    charges = {charge.code: charge for charge in plan.charges.__root__}
    assert sorted(charges) == ["count", "last", "max", "sum", "unique"]
    assert charges["max"].properties == {"amount": "0.25"}
    metric = client.billable_metrics.find("sum")
    assert charges["sum"].lago_billable_metric_id == metric.lago_id


def test_a_charge_reads_as_lagos(client: Any, conn: Connection, olga: Person) -> None:
    dressed(conn, olga)

    charge = client.plan_charges.find("plan", "sum")

    assert charge.charge_model == "percentage"
    assert charge.min_amount_cents == 1234
    assert charge.invoice_display_name == "Traffic"
    assert charge.properties == {
        "rate": "1.5",
        "fixed_amount": "0.1",
        "free_units_per_events": 3,
        "free_units_per_total_aggregation": "7",
        "pricing_group_keys": ["region"],
    }
    (found,) = charge.filters.__root__
    assert found.values == {"region": ["ca"]}
    assert found.invoice_display_name == "Home"
    assert found.properties["rate"] == "0.5"


def test_a_package_reads_as_lagos(client: Any) -> None:
    charge = client.plan_charges.find("plan", "sum")

    assert charge.charge_model == "package"
    assert charge.properties == {
        "amount": "0.0075",
        "free_units": 10,
        "package_size": 3600,
    }


def test_plans_and_charges_are_listed_with_a_page(client: Any, olga: Person) -> None:
    plans = client.plans.find_all()
    # The client sends no key here (1.55.0).
    charges = olga.get("/plans/plan/charges", per_page=2, page=3).body

    assert [plan.code for plan in plans["plans"]] == ["plan"]
    (charge,) = ChargesResponse.parse_obj(charges["charges"]).__root__
    assert charge.code == "unique"
    assert charges["meta"]["total_count"] == 5
    assert charges["meta"]["next_page"] is None


PATHS = [
    ("/billable_metrics/{}", "billable_metric_not_found"),
    ("/plans/{}", "plan_not_found"),
    ("/plans/{}/charges", "plan_not_found"),
    ("/plans/{}/charges/theirs", "plan_not_found"),
]


@pytest.mark.parametrize(("path", "code"), PATHS)
def test_another_services_code_is_as_if_it_did_not_exist(
    path: str, code: str, olga: Person, mallory: Person, conn: Connection
) -> None:
    conn.execute(THEIRS, {"id": olga.service_id})
    conn.commit()

    theirs, nobodys = mallory.get(path.format("theirs")), mallory.get(path.format("x"))

    assert olga.get(path.format("theirs")).status == 200
    assert theirs.status == 404
    assert theirs.body == nobodys.body
    assert theirs.body["code"] == code


def test_lists_hold_only_the_services_own(olga: Person, mallory: Person) -> None:
    for path, key in (("/billable_metrics", "billable_metrics"), ("/plans", "plans")):
        owned = {each["lago_id"] for each in olga.get(path).body[key]}
        seen = {each["lago_id"] for each in mallory.get(path).body[key]}

        assert owned and seen and not owned & seen


def test_an_unknown_charge_is_not_found(client: Any) -> None:
    with pytest.raises(LagoApiError) as raised:
        client.plan_charges.find("plan", "nothing")

    assert raised.value.status_code == 404
    assert raised.value.response["code"] == "charge_not_found"


@pytest.mark.parametrize(
    "raw", ["%00", "%ff", "%ed%a0%80", "x" * 800, "%2F", "..", "'"]
)
def test_any_code_gets_a_clear_answer(raw: str, olga: Person) -> None:
    for path, _ in PATHS:
        answer = olga.get(path.format(raw))

        assert answer.status == 404, path


@pytest.mark.parametrize(
    "query", [{"page": "0"}, {"per_page": "x"}, {"page": "9" * 40}]
)
@pytest.mark.parametrize("path", ["/billable_metrics", "/plans", "/plans/plan/charges"])
def test_no_page_that_there_cannot_be(
    path: str, query: dict[str, str], olga: Person
) -> None:
    assert olga.get(path, **query).status == 422


def test_a_key_is_needed(olga: Person) -> None:
    for path in ("/billable_metrics", "/plans", "/plans/plan/charges/sum"):
        answer = olga.client.get(f"/api/v1{path}")

        assert answer.status_code == 401
