"""A catalog file is taken as written, or refused with every fault at its path."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.catalog_entries import Tier
from schemas.catalog_file import check_catalog
from schemas.yaml_text import YamlUnreadableError, parse_yaml
from tests.catalog_drafts import PILOT, loaded, paths, pilot, set_at


def test_a_number_keeps_every_digit() -> None:
    text = PILOT.replace("0.0075", "0.00750000000000000001")

    plan = loaded(parse_yaml(text)).plans[0]

    assert plan.charges[0].price == Decimal("0.00750000000000000001")


@pytest.mark.parametrize("code", ["007", "no", "1.0", "2026-01-01", "1e3", "on"])
def test_a_code_stays_the_text_it_was_written_as(code: str) -> None:
    raw = parse_yaml(f"service: {{code: {code}}}")

    assert loaded(raw).service.code == code


def test_what_is_left_out_has_sensible_values() -> None:
    catalog = loaded(
        parse_yaml(
            """
            service: {code: s}
            metrics: [{code: m, aggregation: max}]
            plans:
              - {code: p, interval: yearly, currency: CAD, price: 0, charges:
                  [{metric: m, model: standard, price: 1}]}
            customers: [{external_id: c}]
            subscriptions:
              - {external_id: b, customer: c, plan: p, started_at: 2026-01-01}
            """
        )
    )

    assert (catalog.service.name, catalog.service.mode) == (None, None)
    metric, plan = catalog.metrics[0], catalog.plans[0]
    assert (metric.name, metric.unit) == ("m", "")
    assert (metric.rounding, metric.rounding_precision) == ("none", 0)
    assert (plan.name, plan.grace_hours) == ("p", 48)
    assert plan.charges[0].included == 0
    assert plan.charges[0].minimum == 0
    assert (catalog.customers[0].name, catalog.customers[0].email) == ("c", None)
    subscription = catalog.subscriptions[0]
    assert (subscription.timezone, subscription.anchor) == ("UTC", "calendar")
    assert subscription.ended_at is None


def test_null_is_the_same_as_left_out() -> None:
    raw = set_at(pilot(), ["plans", 0, "charges", 0, "tiers"], None)
    raw = set_at(raw, ["plans", 0, "charges", 1, "package_size"], None)
    raw = set_at(raw, ["customers", 0, "email"], None)
    raw["metrics"][0]["name"] = None

    assert loaded(raw).metrics[0].name == "cpu_seconds"


def test_parts_may_be_missing_but_the_service_may_not() -> None:
    assert loaded({"service": {"code": "s"}, "plans": None}).plans == ()
    assert paths(check_catalog({"metrics": []})) == ["service"]


@pytest.mark.parametrize("raw", [None, [], "text", {"service": []}, {"service": None}])
def test_what_is_no_catalog_at_all_is_refused(raw: Any) -> None:
    assert check_catalog(raw).faults


def test_lagos_names_of_tiers_mean_the_same() -> None:
    tiers = [
        {
            "from_value": "0",
            "to_value": "10",
            "per_unit_amount": "1",
            "flat_amount": "2",
        },
        {"from_value": "11", "to_value": None, "per_unit_amount": "0.5"},
    ]
    raw = set_at(pilot(), ["plans", 0, "charges", 1, "tiers"], tiers)

    assert loaded(raw).plans[0].charges[1].tiers == (
        Tier(Decimal(10), Decimal(1), Decimal(2)),
        Tier(None, Decimal("0.5"), Decimal(0)),
    )


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-03-01", datetime(2026, 3, 1, 5, tzinfo=UTC)),
        ("2026-07-01", datetime(2026, 7, 1, 4, tzinfo=UTC)),
        ("2026-03-01T00:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01 00:00:00+02:00", datetime(2026, 2, 28, 22, tzinfo=UTC)),
        ("2026-03-01T00:00:00.999999Z", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_date_begins_at_local_midnight_and_an_instant_is_itself(
    written: str, instant: datetime
) -> None:
    raw = set_at(pilot(), ["subscriptions", 0, "started_at"], written)

    assert loaded(raw).subscriptions[0].started_at == instant


CHARGE: list[str | int] = ["plans", 0, "charges", 0]
TIERS: list[str | int] = ["plans", 0, "charges", 1, "tiers"]
SUB: list[str | int] = ["subscriptions", 0]


@pytest.mark.parametrize(
    ("steps", "value", "path"),
    [
        (["service", "code"], "", "service.code"),
        (["service", "mode"], "dark", "service.mode"),
        (["service", "code"], " x", "service.code"),
        (["service", "code"], "a\x00b", "service.code"),
        (["service", "code"], "\ud800", "service.code"),
        (["service", "code"], "x" * 256, "service.code"),
        (["service", "code"], "\U0001f600" * 200, "service.code"),
        (["metrics"], {"code": "m"}, "metrics"),
        (["metrics", 0], "cpu", "metrics[0]"),
        (["metrics", 0, "aggregation"], "average", "metrics[0].aggregation"),
        (["metrics", 1, "code"], "cpu_seconds", "metrics[1].code"),
        (["metrics", 1, "colour"], "red", "metrics[1].colour"),
        (["plans", 0, "interval"], "daily", "plans[0].interval"),
        (["plans", 0, "currency"], "cad", "plans[0].currency"),
        (["plans", 0, "price"], None, "plans[0].price"),
        (["plans", 0, "price"], "-1", "plans[0].price"),
        (["plans", 0, "price"], "1e3", "plans[0].price"),
        (["plans", 0, "price"], "nan", "plans[0].price"),
        (["plans", 0, "price"], "1" * 40, "plans[0].price"),
        ([*CHARGE, "model"], "free", "plans[0].charges[0].model"),
        ([*CHARGE, "price"], "x", "plans[0].charges[0].price"),
        ([*CHARGE, "price"], None, "plans[0].charges[0].price"),
        ([*CHARGE, "package_size"], "0", "plans[0].charges[0].package_size"),
        ([*CHARGE, "package_size"], None, "plans[0].charges[0].package_size"),
        ([*CHARGE, "model"], "standard", "plans[0].charges[0].package_size"),
        ([*CHARGE, "tiers"], [{"unit_price": "1"}], "plans[0].charges[0].tiers"),
        ([*CHARGE, "metric"], "users", "plans[0].charges[1].metric"),
        (TIERS, [], "plans[0].charges[1].tiers"),
        ([*TIERS, 0, "up_to"], None, "plans[0].charges[1].tiers[0].up_to"),
        ([*TIERS, 0, "up_to"], "0", "plans[0].charges[1].tiers[0].up_to"),
        ([*TIERS, 1, "up_to"], "20", "plans[0].charges[1].tiers[1].up_to"),
        ([*TIERS, 1, "unit_price"], None, "plans[0].charges[1].tiers[1].unit_price"),
        ([*TIERS, 1, "from_value"], "12", "plans[0].charges[1].tiers[1].from_value"),
        ([*TIERS, 0, "to_value"], "12", "plans[0].charges[1].tiers[0].to_value"),
        (["customers", 0, "email"], "nobody", "customers[0].email"),
        (["customers", 0, "external_id"], None, "customers[0].external_id"),
        ([*SUB, "timezone"], "Toronto", "subscriptions[0].timezone"),
        ([*SUB, "timezone"], "../UTC", "subscriptions[0].timezone"),
        ([*SUB, "anchor"], "moon", "subscriptions[0].anchor"),
        ([*SUB, "started_at"], "2026-02-30", "subscriptions[0].started_at"),
        ([*SUB, "started_at"], "2026-01-01T00:00", "subscriptions[0].started_at"),
        ([*SUB, "started_at"], "0001-01-01", "subscriptions[0].started_at"),
        ([*SUB, "started_at"], "soon", "subscriptions[0].started_at"),
        ([*SUB, "ended_at"], "2026-03-01", "subscriptions[0].ended_at"),
    ],
)  # fmt: skip
def test_a_fault_is_reported_at_its_path(
    steps: list[str | int], value: Any, path: str
) -> None:
    draft = check_catalog(set_at(pilot(), steps, value))

    assert paths(draft) == [path]
    assert draft.catalog is None


def test_a_percentage_is_at_most_100() -> None:
    charge = {"metric": "users", "model": "percentage", "price": "100.01"}

    draft = check_catalog(set_at(pilot(), ["plans", 0, "charges", 1], charge))

    assert paths(draft) == ["plans[0].charges[1].price"]


def test_all_faults_are_reported_together_in_the_files_order() -> None:
    raw = set_at(pilot(), ["subscriptions", 0, "timezone"], "Nowhere")
    raw = set_at(raw, ["metrics", 1, "aggregation"], "average")
    raw["plans"][0]["charges"][0]["price"] = "x"
    raw["metrics"].append({"code": "users", "aggregation": "sum"})

    assert paths(check_catalog(raw)) == [
        "metrics[1].aggregation",
        "metrics[2].code",
        "plans[0].charges[0].price",
        "subscriptions[0].timezone",
    ]


def test_names_that_the_file_does_not_define_are_references() -> None:
    raw = {
        "service": {"code": "s"},
        "plans": [{"code": "p", "charges": [{"metric": "m"}]}],
        "subscriptions": [{"customer": "c", "plan": "p"}, {"plan": "q"}],
    }

    found = [(r.part, r.name, r.path) for r in check_catalog(raw).references]

    assert found == [
        ("metrics", "m", "plans[0].charges[0].metric"),
        ("customers", "c", "subscriptions[0].customer"),
        ("plans", "q", "subscriptions[1].plan"),
    ]


def test_a_faulty_entry_does_not_make_those_faulty_that_name_it() -> None:
    draft = check_catalog(set_at(pilot(), ["plans", 0, "currency"], "dollars"))

    assert paths(draft) == ["plans[0].currency"]
    assert draft.references == ()


@pytest.mark.parametrize(
    "text",
    [
        "a: [1",
        "a: 1\na: 2",
        "? [a]\n: 1",
        "a: !!python/object:os.system x",
        "a: *nothing",
        "[" * 2_000,
    ],
)
def test_what_is_not_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(YamlUnreadableError):
        parse_yaml(text)
