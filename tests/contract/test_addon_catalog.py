"""apply_catalog and export_catalog, as the bridge and the addon agreed on them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.addon_world import (
    SERVICE,
    World,
    apply,
    make_world,
    own,
    statuses,
    upsert,
)
from tests.contract.odoo_target import OdooTarget

PARTNER = "res.partner"
LINK = "fusion.billing.account.link"


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own."""
    return make_world(addon)


def partner_of(world: World, external_id: str = "c1") -> int:
    """The client that an external customer is linked to."""
    (row,) = world.odoo.ask(
        LINK,
        "search_read",
        domain=[
            ["service_id.code", "=", world.code],
            ["external_id", "=", external_id],
        ],
        fields=["partner_id"],
        load=None,
    )
    return int(row["partner_id"])


def test_applying_the_same_rows_again_changes_nothing(world: World) -> None:
    for kind, row in (
        ("metric", world.metric()),
        ("plan", world.plan()),
        ("customer", world.customer()),
        ("subscription", world.subscription()),
    ):
        assert statuses(apply(world.odoo, kind, row)) == ["unchanged"], kind


def test_what_was_applied_is_exported(world: World) -> None:
    assert own(world, "service") == [
        {"code": world.code, "name": "A service", "mode": "shadow"}
    ]
    assert own(world, "metric") == [world.metric()]
    assert own(world, "plan") == [world.plan()]
    assert own(world, "customer") == [world.customer()]
    assert own(world, "subscription") == [world.subscription()]


def test_a_changed_row_is_updated_in_place(world: World) -> None:
    (before,) = apply(world.odoo, "metric", world.metric())
    (after,) = apply(world.odoo, "metric", world.metric(name="CPU"))

    assert after == {**before, "status": "updated"}
    assert own(world, "metric") == [world.metric(name="CPU")]


def test_numbers_keep_every_digit(world: World) -> None:
    price = "123456789012345678901234567890.12345678901234567890"
    charge = world.charge(price="0.00000000000000000075", included="1.500")
    plan = world.plan(price=price, charges=[charge])

    assert statuses(apply(world.odoo, "plan", plan)) == ["updated"]
    assert own(world, "plan") == [plan]


def test_charges_are_replaced_as_a_whole(world: World) -> None:
    apply(world.odoo, "metric", world.metric(code="ram"))
    tiers = '[{"up_to": "10", "price": "1"}]'
    new = {
        "metric": "ram",
        "model": "graduated",
        "included": False,
        "price": False,
        "package_size": False,
        "tiers": tiers,
        "minimum": False,
    }

    assert statuses(apply(world.odoo, "plan", world.plan(charges=[new]))) == ["updated"]
    parts = ("display_name", "fixed", "free_events", "group_keys", "filters")
    whole = {**new, **dict.fromkeys(parts, False)}
    assert own(world, "plan") == [world.plan(charges=[whole])]
    assert statuses(apply(world.odoo, "plan", world.plan(charges=[]))) == ["updated"]
    assert own(world, "plan") == [world.plan(charges=[])]


def test_one_bad_row_does_not_sink_the_others(world: World) -> None:
    results = apply(
        world.odoo,
        "metric",
        world.metric(code="a"),
        world.metric(code="b", aggregation="median"),
        "not a row",
        world.metric(code="c", service="nobody"),
        world.metric(code="d"),
    )

    assert statuses(results) == ["created", "error", "error", "error", "created"]
    assert [r["id"] for r in results if r["status"] == "error"] == [False] * 3
    assert "aggregation" in results[1]["reason"]
    assert "nobody" in results[3]["reason"]


@pytest.mark.parametrize(
    ("kind", "change", "word"),
    [
        ("service", {"mode": "test"}, "mode"),
        ("service", {"code": False}, "code"),
        ("metric", {"name": "a\0b"}, "name"),
        ("metric", {"name": "a\ud800b"}, "name"),
        ("plan", {"price": "NaN"}, "price"),
        ("plan", {"price": "1e400"}, "price"),
        ("plan", {"price": 12.5}, "price"),
        ("plan", {"currency": "cad"}, "currency"),
        ("plan", {"interval": "hourly"}, "interval"),
        ("plan", {"charges": [{"metric": "gpu"}]}, "charges[0].metric"),
        ("customer", {"email": "nonsense", "external_id": "c9"}, "email"),
        ("subscription", {"customer": "c9"}, "c9"),
        ("subscription", {"plan": "gold"}, "gold"),
        ("subscription", {"timezone": "Mars/Olympus"}, "timezone"),
        ("subscription", {"started_at": "2026-01-01T05:00:00Z"}, "started_at"),
        ("subscription", {"ended_at": "2025-01-01 00:00:00"}, "end after it starts"),
    ],
    ids=str,
)
def test_a_bad_value_is_named_in_the_reason(
    world: World, kind: str, change: dict[str, Any], word: str
) -> None:
    service = {"code": world.code, "name": "A service", "mode": "shadow"}
    row = service if kind == "service" else getattr(world, kind)()

    (result,) = apply(world.odoo, kind, {**row, **change})

    assert result["status"] == "error"
    assert word in result["reason"]
    assert statuses(apply(world.odoo, kind, row)) == ["unchanged"]


def test_an_unknown_kind_is_refused(addon: OdooTarget) -> None:
    for refusal in (
        addon.refusal(SERVICE, "apply_catalog", kind="coupon", rows=[]),
        addon.refusal(SERVICE, "export_catalog", kind="coupon", after_id=0, limit=1),
    ):
        assert refusal[:2] == (422, "odoo.exceptions.ValidationError")


def test_the_aggregation_of_a_metric_with_usage_stays(world: World) -> None:
    changed = world.metric(aggregation="max")
    upsert(world.odoo, world.rollup())

    (refused,) = apply(world.odoo, "metric", changed)
    renamed = apply(world.odoo, "metric", world.metric(name="CPU"))

    assert refused["reason"] == (
        "the aggregation of a metric with usage cannot change; make a new metric"
    )
    assert statuses(renamed) == ["updated"]


def test_the_aggregation_of_a_metric_without_usage_may_change(world: World) -> None:
    changed = world.metric(aggregation="max")

    assert statuses(apply(world.odoo, "metric", changed)) == ["updated"]
    assert own(world, "metric") == [changed]


def test_two_customers_of_one_client_keep_their_own_subscriptions(
    world: World,
) -> None:
    second = world.customer(external_id="c0", name="Jane's other account")
    theirs = world.subscription(external_id="s2", customer="c0")
    apply(world.odoo, "customer", second)
    apply(world.odoo, "subscription", theirs)

    assert partner_of(world, "c0") == partner_of(world, "c1")
    assert own(world, "subscription") == [world.subscription(), theirs]


def test_a_subscription_moves_between_two_customers_of_one_client(
    world: World,
) -> None:
    apply(world.odoo, "customer", world.customer(external_id="c0"))
    moved = world.subscription(customer="c0")

    assert statuses(apply(world.odoo, "subscription", moved)) == ["updated"]
    assert own(world, "subscription") == [moved]


def test_an_order_without_a_link_names_a_customer_only_when_there_is_one(
    world: World,
) -> None:
    (order,) = world.odoo.ask(
        "sale.order", "search", domain=[["x_fc_service_id.code", "=", world.code]]
    )
    vals = {"x_fc_account_link_id": False}
    world.odoo.ask("sale.order", "write", ids=[order], vals=vals)
    alone = own(world, "subscription")
    apply(world.odoo, "customer", world.customer(external_id="c0"))

    assert alone == [world.subscription()]
    assert own(world, "subscription") == [world.subscription(customer=False)]


def test_a_client_is_found_by_e_mail_whatever_its_case(world: World) -> None:
    email = f"Known@{world.code}.test"
    values = {"name": "Known to Odoo", "email": f'"K" <{email.upper()}>'}
    (known,) = world.odoo.ask(PARTNER, "create", vals_list=values)

    row = world.customer(external_id="c2", name="known", email=email)
    assert statuses(apply(world.odoo, "customer", row)) == ["created"]
    assert partner_of(world, "c2") == known
    assert statuses(apply(world.odoo, "customer", row)) == ["unchanged"]


def test_an_underscore_in_an_address_is_no_wildcard(world: World) -> None:
    rows = [
        world.customer(external_id="x", email=f"johnxdoe@{world.code}.test"),
        world.customer(external_id="_", email=f"john_doe@{world.code}.test"),
    ]
    apply(world.odoo, "customer", *rows)

    assert partner_of(world, "x") != partner_of(world, "_")


def test_two_services_share_the_client_of_one_address(
    world: World, addon: OdooTarget
) -> None:
    other = make_world(addon)
    shared = {"external_id": "shared", "email": f"both@{world.code}.test"}
    apply(addon, "customer", world.customer(**shared))
    apply(addon, "customer", other.customer(**shared, name="By another name"))

    assert partner_of(world, "shared") == partner_of(other, "shared")
    name = addon.ask(
        PARTNER, "read", ids=[partner_of(world, "shared")], fields=["name"]
    )
    assert name[0]["name"] == "Jane"


def test_a_client_that_only_the_catalog_knows_follows_it(world: World) -> None:
    row = world.customer(name="Jane Doe", email=f"doe@{world.code}.test")

    assert statuses(apply(world.odoo, "customer", row)) == ["updated"]
    assert own(world, "customer") == [row]


def test_customers_without_an_address_are_clients_of_their_own(world: World) -> None:
    rows = [world.customer(external_id=key, email=False) for key in ("n1", "n2")]
    apply(world.odoo, "customer", *rows)

    assert partner_of(world, "n1") != partner_of(world, "n2")


def test_a_customer_applied_by_eight_at_once_is_one_client(
    world: World, addon: OdooTarget
) -> None:
    other = make_world(addon)
    email = f"new@{world.code}.test"

    def apply_one(number: int) -> dict[str, Any]:
        service = world if number % 2 else other
        row = service.customer(external_id=f"at-once-{number % 4}", email=email)
        return apply(addon, "customer", row)[0]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(apply_one, range(8)))

    assert sorted(statuses(results)) == ["created"] * 4 + ["unchanged"] * 4
    found = addon.ask(PARTNER, "search_count", domain=[["email", "=", email]])
    assert found == 1


def test_xmlrpc_takes_and_answers_the_same(world: World) -> None:
    results = world.odoo.execute(SERVICE, "apply_catalog", "metric", [world.metric()])

    assert statuses(results) == ["unchanged"]
    page = world.odoo.execute(SERVICE, "export_catalog", "metric", 0, 1)
    assert set(page) == {"rows", "last_id"}
