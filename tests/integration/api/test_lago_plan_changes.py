"""Lago's client makes, changes and deletes plans, with a key that may."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lago_python_client.exceptions import LagoApiError

from ledger.db import Connection
from ledger.keys import create_key
from tests.api_world import Person, answer_of
from tests.lago_charges import MODELS, as_read, properties
from tests.lago_world import lago_client, models

BillableMetric = models.billable_metric.BillableMetric
Charge, ChargeFilter = models.charge.Charge, models.charge.ChargeFilter
ChargeFilters, Charges = models.charge.ChargeFilters, models.charge.Charges
Plan = models.plan.Plan
UsageThreshold = models.usage_threshold.UsageThreshold
UsageThresholds = models.usage_threshold.UsageThresholds

AMOUNT = {"properties": {"amount": ["invalid_amount"]}}


@pytest.fixture
def keeper(url: str, olga: Person, conn: Connection) -> Any:
    """Olga's client with a key that may change the catalog."""
    key = create_key(conn, olga.service, ("catalog",))
    conn.commit()
    return lago_client(url, key)


@pytest.fixture
def metrics(keeper: Any) -> dict[str, str]:
    """Olga's metrics, ids by code; her sum tells regions apart."""
    filters = [
        {"key": "region", "values": ["ca", "us"]},
        {"key": "tier", "values": ["a"]},
    ]
    keeper.billable_metrics.update(BillableMetric(filters=filters), "sum")
    listed = keeper.billable_metrics.find_all()["billable_metrics"]
    return {metric.code: metric.lago_id for metric in listed}


def a_plan(**more: Any) -> Any:
    named = {"name": "Pro", "code": "pro", "interval": "monthly"}
    priced = {"amount_cents": 1999, "amount_currency": "CAD"}
    return Plan(**{**named, **priced, **more})


def charged(*charges: dict[str, Any]) -> Any:
    return Charges(__root__=[Charge(**charge) for charge in charges])


def standard(metric_id: str, amount: str = "0.25", **more: Any) -> dict[str, Any]:
    base = {"billable_metric_id": metric_id, "charge_model": "standard"}
    return {**base, "properties": {"amount": amount}, **more}


def refusal(call: Any, *arguments: Any) -> tuple[int, Any]:
    """The status and body of what the client is refused."""
    with pytest.raises(LagoApiError) as raised:
        call(*arguments)
    return raised.value.status_code, raised.value.response


def test_what_is_made_reads_back_equal(keeper: Any, metrics: dict[str, str]) -> None:
    home = ChargeFilter(
        invoice_display_name="Home",
        values={"region": ["ca"], "tier": ["a"]},
        properties={"amount": "0.1", "pricing_group_keys": ["tier"]},
    )
    thresholds = UsageThresholds(
        __root__=[
            UsageThreshold(amount_cents=5000, threshold_display_name="Half"),
            UsageThreshold(amount_cents=10000, recurring=True),
        ]
    )

    made = keeper.plans.create(
        a_plan(
            description="For\nall",
            charges=charged(
                standard(
                    metrics["sum"],
                    "0.0075",
                    min_amount_cents=1234,
                    invoice_display_name="Traffic",
                    filters=ChargeFilters(__root__=[home]),
                )
            ),
            usage_thresholds=thresholds,
        )
    )

    assert (made.amount_cents, made.amount_currency) == (1999, "CAD")
    assert made.description == "For\nall"
    (charge,) = made.charges.__root__
    assert charge.properties == {"amount": "0.0075"}
    assert charge.min_amount_cents == 1234
    assert charge.invoice_display_name == "Traffic"
    (found,) = charge.filters.__root__
    assert found.values == home.values
    assert found.properties == home.properties
    assert found.invoice_display_name == "Home"
    shown = {
        (t.amount_cents, t.recurring, t.threshold_display_name)
        for t in made.usage_thresholds.__root__
    }
    assert shown == {(5000, False, "Half"), (10000, True, None)}
    assert keeper.plans.find("pro") == made


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_charge_reads_back_as_it_was_written(
    data: st.DataObject, keeper: Any, metrics: dict[str, str]
) -> None:
    code = str(uuid4())
    model = data.draw(st.sampled_from(MODELS))
    written = data.draw(properties(model))
    apart = data.draw(properties(model))
    cents = data.draw(st.integers(0, 10**6))
    currency = data.draw(st.sampled_from(["CAD", "JPY", "KWD"]))
    part = ChargeFilter(values={"region": ["us"]}, properties=apart)
    charge = {
        "billable_metric_id": metrics["sum"],
        "charge_model": model,
        "properties": written,
        "min_amount_cents": cents,
        "filters": ChargeFilters(__root__=[part]),
    }
    draft = a_plan(
        code=code,
        amount_cents=cents,
        amount_currency=currency,
        charges=charged(charge),
    )

    made = keeper.plans.create(draft)

    read = keeper.plans.find(code)
    assert read == made
    assert (read.amount_cents, read.amount_currency) == (cents, currency)
    (shown,) = read.charges.__root__
    assert shown.min_amount_cents == cents
    assert shown.properties == as_read(written)
    assert shown.filters.__root__[0].properties == as_read(apart)
    again = Charge(
        id=shown.lago_id,
        billable_metric_id=shown.lago_billable_metric_id,
        charge_model=shown.charge_model,
        properties=shown.properties,
        min_amount_cents=shown.min_amount_cents,
        filters=shown.filters,
    )
    changed = keeper.plans.update(Plan(charges=Charges(__root__=[again])), code)
    assert changed == read


@pytest.mark.parametrize(
    ("currency", "price"), [("JPY", "1999"), ("CAD", "19.99"), ("KWD", "1.999")]
)
def test_cents_are_the_currencys_smallest_unit(
    keeper: Any, conn: Connection, olga: Person, currency: str, price: str
) -> None:
    keeper.plans.create(a_plan(amount_currency=currency))

    row = conn.execute(
        "SELECT price::text FROM plan WHERE service_id = %s AND code = 'pro'",
        [olga.service_id],
    ).fetchone()
    assert row == (price,)


def test_a_code_that_there_is_is_refused(keeper: Any) -> None:
    status, body = refusal(keeper.plans.create, a_plan(code="plan"))

    assert status == 422
    assert body["error_details"] == {"code": ["value_already_exist"]}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", None, "value_is_mandatory"),
        ("code", "", "value_is_mandatory"),
        ("interval", None, "value_is_mandatory"),
        ("interval", "daily", "value_is_invalid"),
        ("amount_cents", None, "value_is_mandatory"),
        ("amount_cents", -1, "value_is_invalid"),
        ("amount_cents", 10**18, "value_is_invalid"),
        ("amount_currency", "cad", "value_is_invalid"),
        ("pay_in_advance", True, "value_is_invalid"),
        ("trial_period", 3, "value_is_invalid"),
        ("bill_charges_monthly", True, "value_is_invalid"),
        ("tax_codes", ["hst"], "value_is_invalid"),
        ("minimum_commitment", {"amount_cents": 100}, "value_is_invalid"),
        ("usage_thresholds", [{"amount_cents": 1}] * 2, "value_is_invalid"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_field(
    keeper: Any, field: str, value: Any, code: str
) -> None:
    status, body = refusal(keeper.plans.create, a_plan(**{field: value}))

    assert status == 422
    assert body["error_details"] == {field: [code]}


@pytest.mark.parametrize("field", ["tax_codes", "minimum_commitment", "trial_period"])
def test_what_is_odoos_is_refused_with_a_sentence(keeper: Any, field: str) -> None:
    value = {"tax_codes": ["x"], "minimum_commitment": {"amount_cents": 1}}.get(
        field, 1
    )

    _, body = refusal(keeper.plans.create, a_plan(**{field: value}))

    assert len(body["message"]) > len(field) + 20


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"charge_model": "dynamic"}, {"charge_model": ["value_is_invalid"]}),
        ({"charge_model": None}, {"charge_model": ["value_is_mandatory"]}),
        ({"properties": {"rate": "1"}}, AMOUNT),
        (
            {"properties": {"amount": "x"}},
            {"properties": {"amount": ["invalid_amount"]}},
        ),
        ({"pay_in_advance": True}, {"pay_in_advance": ["value_is_invalid"]}),
        ({"prorated": True}, {"prorated": ["value_is_invalid"]}),
        ({"invoiceable": False}, {"invoiceable": ["value_is_invalid"]}),
        ({"tax_codes": ["hst"]}, {"tax_codes": ["value_is_invalid"]}),
        ({"min_amount_cents": -1}, {"min_amount_cents": ["value_is_invalid"]}),
        ({"code": "other"}, {"code": ["value_is_invalid"]}),
        (
            {"filters": [{"values": {"region": ["mars"]}}]},
            {"filters": {"0": {"values": {"region": ["value_is_invalid"]}}}},
        ),
        (
            {"filters": [{"values": {"planet": ["mars"]}}]},
            {"filters": {"0": {"values": {"planet": ["value_is_invalid"]}}}},
        ),
        (
            {"filters": [{"values": {"region": ["ca"]}}] * 2},
            {"filters": {"1": {"values": ["value_is_invalid"]}}},
        ),
    ],
)
def test_a_charge_that_cannot_be_is_refused_at_its_place(
    keeper: Any, metrics: dict[str, str], more: dict[str, Any], fault: Any
) -> None:
    bad = {**standard(metrics["sum"]), **more}
    draft = a_plan(charges=charged(standard(metrics["max"]), bad))

    status, body = refusal(keeper.plans.create, draft)

    assert status == 422
    assert body["error_details"] == {"charges": {"1": fault}}
    assert refusal(keeper.plans.find, "pro")[0] == 404


def test_two_charges_of_one_metric_are_refused(
    keeper: Any, metrics: dict[str, str]
) -> None:
    twice = charged(standard(metrics["sum"]), standard(metrics["sum"], "2"))

    status, body = refusal(keeper.plans.create, a_plan(charges=twice))

    assert status == 422
    assert list(body["error_details"]["charges"]) == ["1"]
    assert "filters" in body["message"]


def test_a_metric_that_there_is_not_is_not_found(keeper: Any) -> None:
    draft = a_plan(charges=charged(standard(str(uuid4()))))

    status, body = refusal(keeper.plans.create, draft)

    assert (status, body["code"]) == (404, "billable_metrics_not_found")


def test_a_change_keeps_what_is_absent(keeper: Any, metrics: dict[str, str]) -> None:
    made = keeper.plans.create(
        a_plan(description="Old", charges=charged(standard(metrics["sum"])))
    )

    changed = keeper.plans.update(Plan(name="New", amount_cents=5), "pro")

    assert changed == made.copy(update={"name": "New", "amount_cents": 5})


def test_charges_that_are_absent_are_removed(
    keeper: Any, metrics: dict[str, str]
) -> None:
    made = keeper.plans.create(
        a_plan(charges=charged(standard(metrics["max"]), standard(metrics["sum"])))
    )
    kept = next(c for c in made.charges.__root__ if c.code == "sum")

    change = Plan(
        charges=charged(
            {"id": kept.lago_id, "properties": {"amount": "3"}},
            standard(metrics["last"], "4"),
        ),
        cascade_updates=True,
    )
    changed = keeper.plans.update(change, "pro")

    charges = {charge.code: charge for charge in changed.charges.__root__}
    assert sorted(charges) == ["last", "sum"]
    assert charges["sum"].lago_id == kept.lago_id
    assert charges["sum"].properties == {"amount": "3"}
    assert keeper.plans.update(Plan(charges=charged()), "pro").charges.__root__ == []


def test_a_charge_keeps_its_metric(keeper: Any, metrics: dict[str, str]) -> None:
    made = keeper.plans.create(a_plan(charges=charged(standard(metrics["sum"]))))
    moved = standard(metrics["max"], id=made.charges.__root__[0].lago_id)

    status, body = refusal(keeper.plans.update, Plan(charges=charged(moved)), "pro")

    assert status == 422
    assert list(body["error_details"]["charges"]["0"]) == ["billable_metric_id"]


def test_a_filter_of_the_same_values_keeps_its_id(
    keeper: Any, metrics: dict[str, str]
) -> None:
    def filtered(*amounts: str, **more: Any) -> Any:
        parts = [
            ChargeFilter(values={"region": [region]}, properties={"amount": amount})
            for region, amount in zip(("ca", "us"), amounts, strict=False)
        ]
        filters = ChargeFilters(__root__=parts)
        return charged(standard(metrics["sum"], filters=filters, **more))

    def ids(code: str) -> list[str]:
        answer = keeper_get(keeper, f"plans/{code}")
        return [f["lago_id"] for f in answer["plan"]["charges"][0]["filters"]]

    keeper.plans.create(a_plan(charges=filtered("1")))
    before = ids("pro")

    keeper.plans.update(Plan(charges=filtered("2", "3")), "pro")

    assert ids("pro")[:1] == before
    assert len(set(ids("pro"))) == 2


def keeper_get(keeper: Any, path: str) -> Any:
    """What the client's model passes over."""
    headers = {"Authorization": f"Bearer {keeper.api_key}"}
    return httpx.get(f"{keeper.base_api_url}{path}", headers=headers).json()


@pytest.mark.parametrize(
    "change", [{"interval": "yearly"}, {"amount_currency": "USD"}, {"code": "other"}]
)
def test_what_decides_a_subscriptions_bills_cannot_change(
    keeper: Any, change: dict[str, Any]
) -> None:
    before = keeper.plans.find("plan")

    status, body = refusal(keeper.plans.update, Plan(**change), "plan")

    assert status == 422
    assert body["error_details"] == {next(iter(change)): ["value_is_invalid"]}
    assert keeper.plans.find("plan") == before


def test_it_cannot_either_while_an_ended_subscription_is_to_be_billed(
    keeper: Any, olga: Person, conn: Connection
) -> None:
    conn.execute(
        "UPDATE subscription SET ended_at = now() WHERE service_id = %s",
        [olga.service_id],
    )
    conn.commit()

    status, body = refusal(keeper.plans.update, Plan(interval="yearly"), "plan")

    assert status == 422
    assert body["error_details"] == {"interval": ["value_is_invalid"]}


def test_a_plan_without_subscriptions_may_change_its_interval(keeper: Any) -> None:
    keeper.plans.create(a_plan())

    change = Plan(interval="yearly", amount_currency="USD", amount_cents=7)
    changed = keeper.plans.update(change, "pro")

    assert (changed.interval, changed.amount_currency) == ("yearly", "USD")


def test_cents_are_given_anew_when_they_become_another_part_of_the_currency(
    keeper: Any,
) -> None:
    keeper.plans.create(a_plan())

    status, body = refusal(keeper.plans.update, Plan(amount_currency="JPY"), "pro")

    assert status == 422
    assert body["error_details"] == {"amount_cents": ["value_is_mandatory"]}
    change = Plan(amount_currency="JPY", amount_cents=1999)
    assert keeper.plans.update(change, "pro").amount_cents == 1999
    kept = keeper.plans.update(Plan(amount_currency="KRW"), "pro")
    assert (kept.amount_currency, kept.amount_cents) == ("KRW", 1999)


def test_a_description_from_a_form_has_lines(keeper: Any) -> None:
    made = keeper.plans.create(a_plan(description="One\r\ntwo"))

    assert made.description == "One\ntwo"


def test_a_deleted_plan_is_answered_and_gone(keeper: Any) -> None:
    made = keeper.plans.create(a_plan())

    assert keeper.plans.destroy("pro") == made
    assert refusal(keeper.plans.find, "pro")[0] == 404
    assert refusal(keeper.plans.destroy, "pro")[0] == 404
    assert "pro" not in [p.code for p in keeper.plans.find_all()["plans"]]
    assert keeper.plans.create(a_plan(amount_cents=1)).amount_cents == 1


def test_a_deleted_plan_bills_its_subscriptions_on(keeper: Any, olga: Person) -> None:
    keeper.plans.destroy("plan")

    usage = olga.get("/customers/ada/current_usage", external_subscription_id="ada-1")
    assert usage.status == 200
    assert len(usage.body["customer_usage"]["charges_usage"]) == 5
    status, body = refusal(keeper.plans.create, a_plan(code="plan"))
    assert status == 422
    assert body["error_details"] == {"code": ["value_already_exist"]}


BODY = {"plan": {"name": "Changed"}}
WRITES = [("POST", "/plans"), ("PUT", "/plans/plan"), ("DELETE", "/plans/plan")]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_key_without_the_scope_gets_a_sentence(
    method: str, path: str, olga: Person
) -> None:
    before = olga.get("/plans").body

    headers = {"Authorization": f"Bearer {olga.key}"}
    answer = answer_of(
        olga.client.open(f"/api/v1{path}", method=method, json=BODY, headers=headers)
    )

    assert answer.status == 403
    assert answer.body["code"] == "missing_scope"
    assert "--scope catalog" in answer.body["message"]
    assert olga.get("/plans").body == before


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_write_needs_a_key(method: str, path: str, olga: Person) -> None:
    answer = olga.client.open(f"/api/v1{path}", method=method, json=BODY)

    assert answer.status_code == 401


def test_another_services_plan_and_metric_are_as_if_they_did_not_exist(
    keeper: Any,
    metrics: dict[str, str],
    url: str,
    mallory: Person,
    conn: Connection,
) -> None:
    key = create_key(conn, mallory.service, ("catalog",))
    conn.commit()
    hers = lago_client(url, key)
    made = keeper.plans.create(a_plan(code="olgas"))

    for call, arguments in (
        (hers.plans.find, ("olgas",)),
        (hers.plans.update, (Plan(name="Hers"), "olgas")),
        (hers.plans.destroy, ("olgas",)),
    ):
        status, body = refusal(call, *arguments)
        assert (status, body["code"]) == (404, "plan_not_found")
    with_olgas_metric = a_plan(charges=charged(standard(metrics["sum"])))
    status, body = refusal(hers.plans.create, with_olgas_metric)
    assert (status, body["code"]) == (404, "billable_metrics_not_found")

    assert keeper.plans.find("olgas") == made
