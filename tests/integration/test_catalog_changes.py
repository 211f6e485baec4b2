"""Metrics and plans of apps count at once; what uses them does not lose its terms."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.catalog import (
    CatalogRowUnknown,
    MetricRow,
    PlanRow,
    upsert_metric,
    upsert_plan,
)
from ledger.catalog_changes import (
    delete_metric,
    delete_plan,
    save_metric,
    save_plan,
)
from ledger.catalog_read import read_metric, read_plan
from ledger.catalog_rows import metric_row_of, plan_row_of
from ledger.catalog_rules import InUse
from ledger.db import Connection, connect
from ledger.keys import ServiceUnknown
from ledger.local_changes import LocalChangeRefused
from schemas.catalog_entries import (
    Charge,
    ChargeFilter,
    Metric,
    MetricFilter,
    Plan,
    Threshold,
    Tier,
)
from tests.catalog_entries import metrics as any_metrics
from tests.catalog_entries import plans as any_plans
from tests.ledger_world import NOW, World, counter, make_message, make_world, push

REGION = MetricFilter("region", ("ca", "eu"))
METRIC: dict[str, Any] = {
    "name": "Tokens",
    "aggregation": "sum",
    "field_name": "tokens",
    "description": "Of all models.\nIn and out.",
    "filters": (REGION,),
}
EU = ChargeFilter(
    values=(("region", ("eu",)),),
    included=Decimal(5),
    price=Decimal("0.25"),
    package_size=None,
    tiers=(),
    fixed=Decimal(0),
    free_events=0,
    group_keys=("model",),
    name="Europe",
)
CHARGE = Charge(
    "tokens",
    "standard",
    Decimal(0),
    Decimal("0.0075"),
    None,
    (),
    Decimal(2),
    display_name="Tokens",
    group_keys=("model", "user"),
    filters=(EU,),
)
SHARE = Charge(
    "paid",
    "percentage",
    Decimal(0),
    Decimal("1.5"),
    None,
    (),
    Decimal(0),
    fixed=Decimal("0.3"),
    free_events=3,
)
PLAN: dict[str, Any] = {
    "name": "Pro",
    "description": "For teams",
    "interval": "monthly",
    "currency": "CAD",
    "price": Decimal("19.99"),
    "charges": (SHARE, CHARGE),
    "usage_thresholds": (
        Threshold(Decimal(10), False, "first"),
        Threshold(Decimal(50), True),
    ),
}


@pytest.fixture
def world(conn: Connection) -> World:
    """A service whose catalog came from Odoo; nothing in it is unsent."""
    return make_world(conn)


@pytest.fixture
def app(conn: Connection, world: World) -> World:
    """The service, whose app has made two metrics and a plan."""
    save_metric(conn, world.service_id, "tokens", METRIC, NOW)
    save_metric(conn, world.service_id, "paid", {"aggregation": "sum"}, NOW)
    save_plan(conn, world.service_id, "pro", PLAN, NOW)
    return world


def unsent(conn: Connection, kind: str, record_id: int) -> list[str]:
    found = conn.execute(
        "SELECT unsent FROM local_change WHERE kind = %s AND record_id = %s",
        (kind, record_id),
    ).fetchone()
    return list(found[0]) if found else []


def held_plan(conn: Connection, world: World, code: str = "pro") -> Plan:
    found = read_plan(conn, world.code, code)
    assert found is not None
    return found


def held_metric(conn: Connection, world: World, code: str = "tokens") -> Metric:
    found = read_metric(conn, world.code, code)
    assert found is not None
    return found


def subscribe(conn: Connection, world: World, plan: str, ended: str | None) -> None:
    """Put the world's first subscription on the plan."""
    conn.execute(
        "UPDATE plan_history SET plan_id = (SELECT id FROM plan WHERE code = %s "
        "AND service_id = %s) WHERE subscription_id = (SELECT id FROM subscription "
        "WHERE service_id = %s AND external_id = %s)",
        (plan, world.service_id, world.service_id, world.subscriptions[0]),
    )
    conn.execute(
        "UPDATE subscription SET ended_at = %s "
        "WHERE service_id = %s AND external_id = %s",
        (ended, world.service_id, world.subscriptions[0]),
    )


def test_what_an_app_makes_is_in_the_ledger_as_it_was_given(
    conn: Connection, app: World
) -> None:
    metric, plan = held_metric(conn, app), held_plan(conn, app)

    assert {name: getattr(metric, name) for name in METRIC} == METRIC
    assert {name: getattr(plan, name) for name in PLAN} == PLAN


def test_all_of_a_new_record_is_unsent_and_then_only_what_changes(
    conn: Connection, world: World
) -> None:
    made = save_metric(conn, world.service_id, "tokens", METRIC, NOW)
    everything = unsent(conn, "metric", made.record_id)
    conn.execute("UPDATE local_change SET unsent = '{}'")
    again = save_metric(conn, world.service_id, "tokens", METRIC, NOW)
    changed = save_metric(conn, world.service_id, "tokens", {"name": "New"}, NOW)

    assert made.created and not again.created
    assert again.changed == frozenset()
    assert set(everything) >= set(METRIC)
    assert unsent(conn, "metric", made.record_id) == ["name"]
    assert changed.changed == {"name"}


def test_ids_of_filters_and_thresholds_stay_when_all_is_written_again(
    conn: Connection, app: World
) -> None:
    query = (
        "SELECT c.filters -> 0 ->> 'id', p.usage_thresholds -> 0 ->> 'id' "
        "FROM plan p JOIN charge c ON c.plan_id = p.id WHERE c.filters <> '[]'"
    )
    before = conn.execute(query).fetchall()
    other = (SHARE, replace(CHARGE, filters=(replace(EU, price=Decimal(1)),)))
    save_plan(conn, app.service_id, "pro", {"charges": other}, NOW)

    assert before == conn.execute(query).fetchall()
    assert len(before) == 1 and None not in before[0]


def test_a_metric_knows_by_which_properties_it_is_told_apart(
    conn: Connection, app: World
) -> None:
    query = "SELECT dimensions FROM metric WHERE code = 'tokens'"
    with_plan = conn.execute(query).fetchone()
    save_plan(conn, app.service_id, "pro", {"charges": (SHARE,)}, NOW)

    assert with_plan == (["model", "region", "user"],)
    assert conn.execute(query).fetchone() == (["region"],)


def test_a_pull_leaves_what_odoo_has_not_taken_and_takes_the_rest(
    conn: Connection, app: World
) -> None:
    conn.execute("UPDATE local_change SET unsent = '{name}' WHERE kind = 'metric'")
    conn.execute(
        "UPDATE local_change SET unsent = '{charges,name}' WHERE kind = 'plan'"
    )
    metric = replace(held_metric(conn, app), name="Odoo's", unit="t")
    plan = replace(held_plan(conn, app), name="Odoo's", charges=(), grace_hours=7)
    upsert_metric(conn, metric_row_of(app.code, metric, 500))
    upsert_plan(conn, plan_row_of(app.code, plan, 501))

    assert (held_metric(conn, app).name, held_metric(conn, app).unit) == ("Tokens", "t")
    pulled = held_plan(conn, app)
    assert (pulled.name, pulled.charges) == ("Pro", (SHARE, CHARGE))
    assert pulled.grace_hours == 7


def test_rows_of_an_older_addon_empty_nothing_that_it_does_not_know(
    conn: Connection, app: World
) -> None:
    conn.execute("UPDATE local_change SET unsent = '{}'")
    older = MetricRow(app.code, "tokens", "T", "sum", "", 500, partial=True)
    plain = Charge("tokens", "standard", Decimal(0), Decimal(9), None, (), Decimal(0))
    row = Plan("pro", "P", "monthly", "CAD", Decimal(1), 48, (plain,))
    upsert_metric(conn, older)
    upsert_plan(conn, plan_row_of(app.code, row, 501, partial=True))

    assert held_metric(conn, app).filters == (REGION,)
    assert held_metric(conn, app).name == "T"
    (charge,) = held_plan(conn, app).charges
    assert (charge.price, charge.filters) == (Decimal(9), (EU,))
    assert held_plan(conn, app).usage_thresholds == PLAN["usage_thresholds"]


def test_a_new_price_of_a_filter_keeps_the_old_one_for_periods_before(
    conn: Connection, app: World
) -> None:
    other = replace(CHARGE, filters=(replace(EU, price=Decimal(1)),))
    save_plan(conn, app.service_id, "pro", {"charges": (SHARE, other)}, NOW)

    kept = conn.execute("SELECT filters, group_keys FROM charge_before").fetchall()
    assert [(row[0][0]["price"], row[1]) for row in kept] == [
        ("0.25", ["model", "user"])
    ]


def test_a_metric_that_a_plan_charges_is_not_deleted(
    conn: Connection, app: World
) -> None:
    with pytest.raises(InUse, match="plan pro charges it"):
        delete_metric(conn, app.service_id, "tokens", NOW)

    save_plan(conn, app.service_id, "pro", {"charges": (SHARE,)}, NOW)
    delete_metric(conn, app.service_id, "tokens", NOW)
    assert held_metric(conn, app).archived


def test_a_plan_is_archived_and_keeps_its_charges(conn: Connection, app: World) -> None:
    subscribe(conn, app, "pro", None)
    delete_plan(conn, app.service_id, "pro", NOW)

    plan = held_plan(conn, app)
    assert (plan.archived, plan.charges) == (True, (SHARE, CHARGE))
    with pytest.raises(InUse, match="plan pro charges it"):
        delete_metric(conn, app.service_id, "tokens", NOW)
    with pytest.raises(CatalogRowUnknown):
        delete_plan(conn, app.service_id, "pro", NOW)


def test_an_archived_plan_without_subscriptions_holds_no_metric(
    conn: Connection, app: World
) -> None:
    subscribe(conn, app, "pro", (NOW - timedelta(days=1)).isoformat())
    conn.execute("UPDATE subscription SET freeze_due_at = NULL")
    delete_plan(conn, app.service_id, "pro", NOW)

    assert delete_metric(conn, app.service_id, "tokens", NOW).changed == {"archived"}


def test_a_plan_that_an_ended_period_is_still_billed_by_is_not_made_anew(
    conn: Connection, app: World
) -> None:
    subscribe(conn, app, "pro", (NOW - timedelta(minutes=1)).isoformat())
    delete_plan(conn, app.service_id, "pro", NOW)
    anew = {**PLAN, "price": Decimal(5), "archived": False}

    with pytest.raises(InUse, match="still has subscriptions to bill"):
        save_plan(conn, app.service_id, "pro", anew, NOW)
    with pytest.raises(InUse, match="plan pro charges it"):
        delete_metric(conn, app.service_id, "tokens", NOW)

    conn.execute("UPDATE subscription SET freeze_due_at = NULL")  # it is frozen
    save_plan(conn, app.service_id, "pro", anew, NOW)
    assert held_plan(conn, app).price == 5


def test_an_archived_code_is_made_anew_unless_a_subscription_has_it(
    conn: Connection, app: World
) -> None:
    delete_plan(conn, app.service_id, "pro", NOW)
    anew = {**PLAN, "price": Decimal(5), "archived": False}
    save_plan(conn, app.service_id, "pro", anew, NOW)
    assert held_plan(conn, app).price == 5

    subscribe(conn, app, "pro", None)
    delete_plan(conn, app.service_id, "pro", NOW)
    with pytest.raises(InUse, match="still has subscriptions"):
        save_plan(conn, app.service_id, "pro", anew, NOW)


@pytest.mark.parametrize(
    "values",
    [{"aggregation": "max"}, {"field_name": "other"}, {"filters": ()}],
    ids=lambda values: next(iter(values)),
)
def test_what_a_charge_goes_by_does_not_change(
    conn: Connection, app: World, values: dict[str, Any]
) -> None:
    with pytest.raises(InUse, match="pro charges"):
        save_metric(conn, app.service_id, "tokens", values, NOW)

    assert held_metric(conn, app).filters == (REGION,)


def test_a_value_that_no_charge_uses_may_go(conn: Connection, app: World) -> None:
    values = {"filters": (MetricFilter("region", ("eu",)),)}
    save_metric(conn, app.service_id, "tokens", values, NOW)

    assert held_metric(conn, app).filters == values["filters"]


def test_with_usage_the_aggregation_stays(conn: Connection, world: World) -> None:
    push(conn, make_message(world, (counter("one"),)))

    with pytest.raises(InUse, match="there is usage"):
        save_metric(conn, world.service_id, "sum", {"aggregation": "max"}, NOW)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"interval": "daily"}, "interval: "),
    ({"price": Decimal(-1)}, "price: is less than 0"),
    ({"nothing": 1}, "nothing: is no field"),
    ({"charges": (replace(CHARGE, price=Decimal(-1)),)}, "charges.0.price: "),
    ({"charges": (replace(CHARGE, fixed=Decimal(1)),)}, "charges.0.fixed: "),
    ({"charges": (replace(CHARGE, filters=(EU, EU)),)}, "charges.0.filters.1.values"),
    (
        {"charges": (replace(CHARGE, filters=(replace(EU, values=()),)),)},
        "charges.0.filters.0.values: ",
    ),
    (
        {
            "charges": (
                replace(CHARGE, filters=(replace(EU, values=(("region", ("us",)),)),)),
            )
        },
        "metric tokens has no region us",
    ),
    (
        {"charges": (replace(CHARGE, model="graduated", tiers=()),)},
        "charges.0.tiers: are missing",
    ),
    ({"usage_thresholds": (Threshold(Decimal(0), False),)}, "usage_thresholds.0"),
    (
        {
            "usage_thresholds": (
                Threshold(Decimal(1), True),
                Threshold(Decimal(2), True),
            )
        },
        "recur in more than one",
    ),
]


@pytest.mark.parametrize(("values", "text"), REFUSED)
def test_what_the_catalog_does_not_allow_is_refused_by_its_field(
    conn: Connection, app: World, values: dict[str, Any], text: str
) -> None:
    with pytest.raises(LocalChangeRefused) as caught:
        save_plan(conn, app.service_id, "pro", values, NOW)

    assert text in str(caught.value)
    assert held_plan(conn, app).charges == (SHARE, CHARGE)


def test_what_a_new_one_lacks_is_named(conn: Connection, app: World) -> None:
    with pytest.raises(LocalChangeRefused, match="aggregation: is missing"):
        save_metric(conn, app.service_id, "new", {"name": "N"}, NOW)
    with pytest.raises(LocalChangeRefused, match="currency: is missing"):
        save_plan(conn, app.service_id, "new", {"interval": "monthly"}, NOW)


def test_a_charge_of_an_unknown_or_archived_metric_is_refused(
    conn: Connection, app: World
) -> None:
    plain = replace(SHARE, metric="none")
    with pytest.raises(CatalogRowUnknown, match="metric none"), conn.transaction():
        save_plan(conn, app.service_id, "pro", {"charges": (plain,)}, NOW)

    save_plan(conn, app.service_id, "pro", {"charges": (SHARE,)}, NOW)
    delete_metric(conn, app.service_id, "tokens", NOW)
    with pytest.raises(LocalChangeRefused, match="metric tokens is archived"):
        save_plan(conn, app.service_id, "pro", {"charges": (CHARGE,)}, NOW)


def test_another_service_knows_nothing_of_it(conn: Connection, app: World) -> None:
    other = make_world(conn)

    with pytest.raises(CatalogRowUnknown):
        delete_plan(conn, other.service_id, "pro", NOW)
    with pytest.raises(CatalogRowUnknown):
        delete_metric(conn, other.service_id, "tokens", NOW)
    with pytest.raises(ServiceUnknown):
        save_plan(conn, 0, "pro", PLAN, NOW)


def test_tiers_of_filters_are_kept(conn: Connection, app: World) -> None:
    tiers = (
        Tier(Decimal(10), Decimal(1), Decimal(0)),
        Tier(None, Decimal("0.5"), Decimal(3)),
    )
    part = replace(EU, price=Decimal(0), tiers=tiers)
    charge = replace(CHARGE, model="graduated", price=Decimal(0), tiers=tiers)
    charge = replace(charge, filters=(part,))
    save_plan(conn, app.service_id, "pro", {"charges": (charge,)}, NOW)

    assert held_plan(conn, app).charges == (charge,)


def test_a_plan_of_odoos_without_the_terms_has_their_defaults(
    conn: Connection, world: World
) -> None:
    upsert_plan(conn, PlanRow(world.code, "plain", "P", "monthly", "CAD", "1", (), 77))

    plan = held_plan(conn, world, "plain")
    assert (plan.description, plan.usage_thresholds, plan.archived) == ("", (), False)


def test_a_plan_is_not_revived_with_an_archived_metric(
    conn: Connection, app: World
) -> None:
    delete_plan(conn, app.service_id, "pro", NOW)
    delete_metric(conn, app.service_id, "tokens", NOW)

    with pytest.raises(LocalChangeRefused, match="metric tokens is archived"):
        save_plan(conn, app.service_id, "pro", {"archived": False}, NOW)


def test_a_change_of_plan_that_is_to_come_holds_the_plan_and_its_metrics(
    conn: Connection, app: World
) -> None:
    conn.execute(
        "INSERT INTO plan_change SELECT b.id, p.id, now(), now() FROM subscription b, "
        "plan p WHERE b.external_id = 'sub-0' AND p.code = 'pro'"
    )
    delete_plan(conn, app.service_id, "pro", NOW)

    with pytest.raises(InUse, match="plan pro charges it"):
        delete_metric(conn, app.service_id, "tokens", NOW)
    with pytest.raises(InUse, match="still has subscriptions"):
        save_plan(conn, app.service_id, "pro", {"archived": False}, NOW)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_is_saved_is_what_is_held(
    conn: Connection, world: World, data: st.DataObject
) -> None:
    metrics = (data.draw(any_metrics("a")), data.draw(any_metrics("b")))
    plan = data.draw(any_plans("any", metrics))
    with conn.transaction(force_rollback=True):
        for metric in metrics:
            values = {f: v for f, v in vars(metric).items() if f != "code"}
            save_metric(conn, world.service_id, metric.code, values, NOW)
        values = {f: v for f, v in vars(plan).items() if f != "code"}
        save_plan(conn, world.service_id, "any", values, NOW)
        again = save_plan(conn, world.service_id, "any", values, NOW)

        assert held_plan(conn, world, "any") == plan
        assert tuple(held_metric(conn, world, m.code) for m in metrics) == metrics
        assert again.changed == frozenset()


def test_a_value_is_not_taken_away_while_a_charge_comes_to_use_it(
    conn: Connection, app: World, database_url: str
) -> None:
    """Of a plan and a metric that are saved at once the second sees the first."""
    save_plan(conn, app.service_id, "pro", {"charges": ()}, NOW)
    conn.commit()
    save_plan(conn, app.service_id, "pro", {"charges": (CHARGE,)}, NOW)

    def narrow() -> str:
        with connect(database_url) as other:
            try:
                save_metric(other, app.service_id, "tokens", {"filters": ()}, NOW)
            except InUse as error:
                return str(error)
        return "taken"

    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(narrow)
        time.sleep(0.3)
        waits = not second.done()
        conn.commit()
        answer = second.result(20)

    assert waits
    assert answer == "filters: plan pro charges region eu"


def test_a_pulled_plan_and_a_metrics_rounding_do_not_block_each_other(
    conn: Connection, app: World, database_url: str
) -> None:
    """A rounding goes on to the charges, and the charges' groups to the metric."""
    conn.commit()
    plain = replace(held_plan(conn, app), charges=(replace(CHARGE, group_keys=()),))
    rows = [plan_row_of(app.code, plain, 900)]
    rows.append(plan_row_of(app.code, replace(plain, charges=(CHARGE,)), 900))
    conn.execute("UPDATE local_change SET unsent = '{}'")
    conn.commit()

    def pull(index: int) -> None:
        with connect(database_url) as other:
            upsert_plan(other, rows[index % 2])

    def round_units(index: int) -> None:
        rounding = "ceil" if index % 2 else "floor"
        with connect(database_url) as other:
            save_metric(other, app.service_id, "tokens", {"rounding": rounding}, NOW)

    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(pull, index) for index in range(20)]
        work += [pool.submit(round_units, index) for index in range(20)]
        for done in work:
            done.result(60)
