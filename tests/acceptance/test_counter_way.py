"""A counter's whole way through a running stack, as an app and an operator see it."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis

from schemas.broker import DEAD_LETTER_QUEUE
from tests.app_client import App, client_of, counter, make_app
from tests.stack_process import RunningStack
from tests.waiting import wait_until


@pytest.fixture
def app(stack: RunningStack, tmp_path: Path) -> Iterator[App]:
    made = make_app(stack, tmp_path)
    yield made
    made.close()


def await_done(app: App, batch_id: str) -> dict[str, Any]:
    wait_until(
        lambda: app.batch(batch_id)["batch"]["state"] in ("done", "dead"), "it is done"
    )
    return app.batch(batch_id)


def odoo_rows(stack: RunningStack, service: str) -> dict[str, Decimal]:
    """Quantity by metric of what is not frozen, from Odoo over JSON-2 as by anybody."""
    addresses = stack.addresses
    answer = httpx.post(
        f"{addresses['odoo']}/json/2/fusion.billing.usage/search_read",
        headers={
            "Authorization": f"bearer {addresses['odoo_api_key']}",
            "X-Odoo-Database": addresses["odoo_database"],
        },
        json={
            "domain": [["service_id.code", "=", service], ["state", "=", "open"]],
            "fields": ["metric_id", "quantity"],
        },
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    return {row["metric_id"][1]: Decimal(str(row["quantity"])) for row in answer.json()}


def test_a_batch_becomes_rollups_a_receipt_and_rows_in_odoo(
    app: App, stack: RunningStack
) -> None:
    first = counter("c1", value="1800.5")
    batch = [
        first,
        counter("c2", value=1800),
        {**first, "value": "1800.50"},
        counter("m1", code="memory", value=7),
        counter("m2", code="memory", value=3),
        counter("d1", code="disk", value=1, timestamp="2026-11-01T12:00:00Z"),
        counter("d0", code="disk", value=9, timestamp="2026-11-01T11:00:00Z"),
        counter("u1", code="users", value="ann"),
        {**counter("u2", code="users"), "values": ["ann", "bob", "bob"]},
        {"transaction_id": "broken"},
    ]
    del batch[8]["value"]

    receipt = app.push(batch).json()["batch"]
    done = await_done(app, receipt["id"])

    assert (receipt["received"], receipt["accepted"]) == (10, 9)
    assert [refused["index"] for refused in receipt["rejected"]] == [9]
    assert done["batch"]["outcomes"] == {
        "applied": 8,
        "duplicate": 1,
        "conflict": 0,
        "rejected": 1,
        "parked": 0,
    }
    assert done["batch"]["items"][2]["outcome"] == "duplicate"
    expected = {"3600.5", "7", "1", "2"}
    wait_until(
        lambda: (
            {str(q.normalize()) for q in odoo_rows(stack, app.service).values()}
            == {str(Decimal(text).normalize()) for text in expected}
        ),
        "Odoo has the ledger's rollups",
    )


def test_current_usage_has_units_and_cents(app: App) -> None:
    receipt = app.push([counter("c", value="7201"), counter("u", "users", "ann")])
    await_done(app, receipt.json()["batch"]["id"])

    answer = app.client.get(
        "customers/ada/current_usage", params={"external_subscription_id": "ada-1"}
    )

    usage = answer.json()["customer_usage"]
    by_code = {
        charge["billable_metric"]["code"]: charge for charge in usage["charges_usage"]
    }
    # 7,201 s over a quota of 3,600: two begun hours at 0.0075 are 0.015, half up 0.02.
    assert Decimal(by_code["cpu_seconds"]["units"]) == 7201
    assert by_code["cpu_seconds"]["amount_cents"] == 2
    assert by_code["users"]["amount_cents"] == 0
    assert usage["amount_cents"] == 2
    assert usage["currency"] == "CAD"


def test_a_batch_pushed_twice_counts_once(app: App) -> None:
    batch = [counter("same", value=5), counter("other", value=6)]
    first = app.push(batch).json()["batch"]["id"]
    await_done(app, first)

    second = await_done(app, app.push(batch).json()["batch"]["id"])

    assert second["batch"]["outcomes"]["duplicate"] == 2


def test_an_idempotency_key_makes_one_batch_of_two_requests(app: App) -> None:
    body = {"counters": [counter("k", value=5)]}
    headers = {"Idempotency-Key": "request-1"}

    answers = [app.client.post("usage", json=body, headers=headers) for _ in range(2)]
    other = app.client.post("usage", json={"counters": [counter("l")]}, headers=headers)

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert other.status_code == 422


def test_usage_waits_for_its_subscription_and_is_then_counted(
    app: App, stack: RunningStack, tmp_path: Path
) -> None:
    batch = app.push([counter("early", external_subscription_id="ada-3")])
    batch_id = batch.json()["batch"]["id"]
    parked = await_done(app, batch_id)["batch"]["outcomes"]["parked"]
    (catalog,) = tmp_path.glob("pilot-*.yaml")
    text = catalog.read_text()
    catalog.write_text(text + text.splitlines()[-1].replace("ada-2", "ada-3") + "\n")

    loaded = stack.run("catalog", "load", str(catalog))

    assert loaded.returncode == 0, loaded.stderr
    assert parked == 1
    wait_until(
        lambda: app.batch(batch_id)["batch"]["outcomes"]["applied"] == 1,
        "it is applied by itself",
        90,
    )


def test_usage_that_waited_too_long_is_told_of_and_given_up_in_the_end(
    app: App, stack: RunningStack
) -> None:
    lost = [counter(f"l{n}", external_subscription_id=f"no-{n}") for n in (2, 40)]
    batch_id = app.push(lost).json()["batch"]["id"]
    await_done(app, batch_id)
    with psycopg.connect(stack.database_url) as conn:
        conn.execute(
            "UPDATE parked_counter SET parked_at = now() - interval '1 day'"
            " * right(transaction_id, -1)::integer WHERE batch_id = %s",
            (batch_id,),
        )

    waiting = stack.run("status").stdout
    wait_until(
        lambda: app.batch(batch_id)["batch"]["outcomes"]["rejected"] == 1,
        "the older one is given up by itself",
        90,
    )

    [oldest] = [row for row in waiting.splitlines() if "oldest parked at" in row]
    assert "40 days" in oldest
    rejected = app.batch(batch_id)["batch"]["items"][1]
    assert (rejected["outcome"], rejected["reason"]) == ("rejected", "parked_too_long")
    assert stack.run("verify", "--service", app.service).returncode == 0


def test_a_period_that_is_over_is_billed_by_itself_and_corrected_by_what_comes_late(
    app: App, stack: RunningStack
) -> None:
    query = {"external_subscription_id": "ada-1"}
    wait_until(
        lambda: (
            app.client.get("customers/ada/past_usage", params=query).json()["meta"][
                "total_count"
            ]
            >= 9
        ),
        "the periods from January to September are frozen",
        90,
    )

    late = counter("late", value=7200, timestamp="2026-03-10T12:00:00Z")
    done = await_done(app, app.push([late]).json()["batch"]["id"])
    told = stack.run(
        "explain", "ada-1", "--service", app.service, "--period", "2026-03"
    )
    identity = {"external_subscription_id": "ada-1", "code": "cpu_seconds"}
    voided = app.client.post("usage/late/void", json={"void": identity})

    assert done["batch"]["outcomes"]["applied"] == 1
    assert told.returncode == 0, told.stderr
    assert "frozen" in told.stdout
    assert voided.status_code == 200, voided.text
    assert voided.json()["void"]["is_correction"] is True
    assert stack.run("verify", "--service", app.service).returncode == 0


def test_verify_finds_one_altered_row_and_status_says_what_runs(
    app: App, stack: RunningStack
) -> None:
    await_done(app, app.push([counter("v", value=5)]).json()["batch"]["id"])
    well = stack.run("verify", "--service", app.service)
    alter = (
        "UPDATE rollup r SET quantity = quantity + %s, revision = revision + 1"
        " FROM subscription b JOIN service s ON s.id = b.service_id"
        " WHERE b.id = r.subscription_id AND s.code = %s"
    )

    with psycopg.connect(stack.database_url) as conn:
        assert conn.execute(alter, (1, app.service)).rowcount == 1
    altered = stack.run("verify", "--service", app.service)
    with psycopg.connect(stack.database_url) as conn:
        conn.execute(alter, (-1, app.service))

    assert well.returncode == 0, well.stdout
    assert altered.returncode == 1
    assert "the rollup says 6" in altered.stdout
    assert "database" in stack.run("status").stdout


def test_status_tells_what_the_broker_has_set_aside(stack: RunningStack) -> None:
    with redis.Redis.from_url(str(stack.addresses["broker_url"])) as client:
        client.lpush(DEAD_LETTER_QUEUE, "what no worker can take")
        status = stack.run("status")
        client.delete(DEAD_LETTER_QUEUE)

    assert status.returncode == 1
    [line] = [row for row in status.stdout.splitlines() if "set aside" in row]
    assert "1" in line


def test_a_key_is_shown_once_and_worthless_once_revoked(
    app: App, stack: RunningStack
) -> None:
    made = stack.run("keys", "create", app.service)
    key = made.stdout.strip()
    prefix = key.split("_")[1]
    with client_of(stack, key) as client:
        before = client.get("batches/00000000-0000-0000-0000-000000000000")
        listed = stack.run("keys", "list", "--service", app.service)
        revoked = stack.run("keys", "revoke", prefix)
        after = client.get("batches/00000000-0000-0000-0000-000000000000")

    assert made.stdout == f"{key}\n"
    assert before.status_code == 404
    assert prefix in listed.stdout
    assert key not in listed.stdout
    assert revoked.returncode == 0
    assert after.status_code == 401


def test_a_second_load_of_a_catalog_changes_nothing(
    app: App, stack: RunningStack, tmp_path: Path
) -> None:
    (catalog,) = tmp_path.glob("pilot-*.yaml")

    again = stack.run("catalog", "load", str(catalog))

    assert again.returncode == 0, again.stderr
    assert "unchanged" in again.stdout + again.stderr


def test_a_faulty_catalog_is_told_by_path_and_writes_nothing(
    stack: RunningStack, tmp_path: Path
) -> None:
    file = tmp_path / "faulty.yaml"
    file.write_text(
        "service: {code: faulty, name: Faulty}\n"
        "metrics: [{code: a, aggregation: average}]\n"
        "plans: [{code: p, interval: monthly, currency: CAD, price: x,"
        " charges: [{metric: b, model: standard, price: 1}]}]\n"
    )

    loaded = stack.run("catalog", "load", str(file))

    assert loaded.returncode == 1
    for path in ("metrics[0].aggregation", "plans[0].price", "plans[0].charges[0]"):
        assert path in loaded.stderr
    assert stack.run("keys", "create", "faulty").returncode != 0
