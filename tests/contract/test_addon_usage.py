"""upsert_rollups: absolute, exact, and only ever forward."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.addon_world import (
    USAGE,
    World,
    apply,
    make_world,
    statuses,
    upsert,
)
from tests.contract.odoo_target import OdooTarget

FIFTY_DIGITS = "123456789012345678901234567890.12345678901234567890"


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own."""
    return make_world(addon)


def test_a_rollup_is_created_updated_and_left_alone(world: World) -> None:
    first, second = world.rollup(), world.rollup(revision=2, quantity="2.5")

    assert statuses(upsert(world.odoo, first)) == ["created"]
    assert statuses(upsert(world.odoo, first)) == ["unchanged"]
    assert statuses(upsert(world.odoo, second)) == ["updated"]
    assert statuses(upsert(world.odoo, first)) == ["stale"]
    assert statuses(upsert(world.odoo, second)) == ["unchanged"]
    (row,) = world.usage("quantity", "revision")
    assert (row["quantity"], row["revision"]) == ("2.5", 2)


def test_a_stale_row_is_told_the_revision_that_is_held(world: World) -> None:
    upsert(world.odoo, world.rollup(revision=5))

    (against_table,) = upsert(world.odoo, world.rollup(revision=3))
    within_call = upsert(
        world.odoo, world.rollup(revision=4), world.rollup(revision=7, quantity="7")
    )
    beside_older = upsert(
        world.odoo, world.rollup(revision=1), world.rollup(revision=2)
    )

    assert against_table["revision"] == 5
    assert (within_call[0]["revision"], statuses(within_call)[1]) == (7, "updated")
    assert [result["revision"] for result in beside_older] == [7, 7]


def test_what_goes_in_comes_back(world: World) -> None:
    row = world.rollup(
        quantity=FIFTY_DIGITS,
        included="0.10",
        overage="-" + FIFTY_DIGITS,
        amount="0.00750000000000000000",
        state="frozen",
    )
    upsert(world.odoo, row)

    kept = [name for name in row if name not in ("service", "subscription", "metric")]
    (found,) = world.usage(*kept)
    assert found == {"id": found["id"], **{name: row[name] for name in kept}}


def test_what_is_not_given_reads_false(world: World) -> None:
    upsert(world.odoo, world.rollup(currency=False))

    (found,) = world.usage("included", "overage", "amount", "currency")
    assert set(found.values()) == {found["id"], False}


def test_the_same_revision_repairs_a_row_changed_by_hand(world: World) -> None:
    upsert(world.odoo, world.rollup())
    (row,) = world.usage("quantity")
    world.odoo.ask(USAGE, "write", ids=[row["id"]], vals={"quantity": "999"})

    assert statuses(upsert(world.odoo, world.rollup())) == ["updated"]
    assert world.usage("quantity") == [row]


def test_of_two_rows_with_one_key_the_greater_revision_wins(world: World) -> None:
    newer, older = world.rollup(revision=7, quantity="7"), world.rollup(revision=3)

    assert statuses(upsert(world.odoo, older, newer, older)) == [
        "stale",
        "created",
        "stale",
    ]
    (row,) = world.usage("quantity", "revision")
    assert (row["quantity"], row["revision"]) == ("7", 7)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"subscription": "nobody"}, "unknown subscription nobody"),
        ({"metric": "gpu"}, "unknown metric gpu"),
        ({"service": "nobody"}, "unknown service nobody"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": "Infinity"}, "quantity"),
        ({"quantity": "1e400"}, "quantity"),
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": False}, "quantity"),
        ({"amount": "-inf"}, "amount"),
        ({"revision": 2**31}, "revision"),
        ({"revision": "1"}, "revision"),
        ({"revision": True}, "revision"),
        ({"state": "closed"}, "state"),
        ({"period_end": "2026-02-01 05:00:00"}, "period_end"),
        ({"period_start": "2026-02-01T05:00:00"}, "period_start"),
        ({"period_start": "0001-13-01 00:00:00"}, "period_start"),
        ({"subscription": "a\0b"}, "subscription"),
        ({"subscription": "a\ud800b"}, "subscription"),
        ({"metric": ["cpu"]}, "metric"),
    ],
    ids=str,
)
def test_a_bad_row_says_why_and_the_others_go_on(
    world: World, change: dict[str, Any], word: str
) -> None:
    bad = {**world.rollup(), **change}
    results = upsert(world.odoo, world.rollup(), bad, "not a row", world.rollup())

    assert statuses(results) == ["stale", "error", "error", "created"]
    assert word in results[1]["reason"]
    assert len(world.usage("id")) == 1


def test_another_services_subscription_is_unknown(
    world: World, addon: OdooTarget
) -> None:
    other = make_world(addon)
    apply(addon, "subscription", other.subscription(external_id="theirs"))

    (result,) = upsert(addon, world.rollup(subscription="theirs"))
    assert result["status"] == "error"


def test_a_repeat_spends_no_ids(world: World) -> None:
    upsert(world.odoo, world.rollup())
    for revision in range(2, 12):
        upsert(world.odoo, world.rollup(revision=revision))
    later = world.rollup(period_start="2026-03-01 05:00:00")
    upsert(world.odoo, {**later, "period_end": "2026-04-01 04:00:00"})

    first, second = (row["id"] for row in world.usage("id"))
    assert second == first + 1


def test_callers_at_once_agree_on_the_greatest_revision(world: World) -> None:
    def push(revision: int) -> str:
        row = world.rollup(revision=revision, quantity=str(revision))
        return statuses(upsert(world.odoo, row))[0]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(push, range(1, 9)))

    assert found.count("created") == 1
    assert set(found) <= {"created", "updated", "stale"}
    assert [row["quantity"] for row in world.usage("quantity")] == ["8"]


def test_a_thousand_rows_go_in_one_call(world: World) -> None:
    rows = [
        world.rollup(
            period_start=f"{2000 + n // 12}-{n % 12 + 1:02}-01 00:00:00",
            period_end=f"{2000 + n // 12}-{n % 12 + 1:02}-28 00:00:00",
        )
        for n in range(1000)
    ]

    assert set(statuses(upsert(world.odoo, *rows))) == {"created"}
    assert set(statuses(upsert(world.odoo, *rows))) == {"unchanged"}


def test_xmlrpc_takes_and_answers_the_same(world: World) -> None:
    results = world.odoo.execute(USAGE, "upsert_rollups", [world.rollup()])

    assert results == [{"index": 0, "status": "created", "reason": False}]


def test_a_number_that_is_not_finite_cannot_be_written_by_hand_either(
    world: World,
) -> None:
    upsert(world.odoo, world.rollup())
    (row,) = world.usage("id")

    status, name, _ = world.odoo.refusal(
        USAGE, "write", ids=[row["id"]], vals={"quantity": "NaN"}
    )
    assert (status, name) == (422, "odoo.exceptions.ValidationError")
