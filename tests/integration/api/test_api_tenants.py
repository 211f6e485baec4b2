"""P12 at every endpoint: a key reads and changes what is its service's, no more.

Olga owns what is asked for; Mallory has a good key of another service; Norman has none.
"""

import itertools
from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask

from ingest_api.api import EXTENSION
from ingest_api.lago.absent import ABSENT_ROUTES
from ingest_api.openapi import DOCUMENT_PATHS
from ingest_api.routes import PREFIXES
from ledger.db import Connection, connect
from tests.api_world import BASE, Answer, Person, answer_of, counter, work_off
from tests.invoice_world import bring_credit_note, bring_invoice

LAGO_BASE = PREFIXES[1]
OPEN = {
    "/health",
    "/metrics",
    *DOCUMENT_PATHS,
    # A link of these is signed for one service's PDF: see test_lago_documents.
    *(f"{prefix}/documents/<lago_id>" for prefix in PREFIXES),
}
_numbers = itertools.count(1)
Ask = Callable[[Person, Person], Answer]


def ask_for_batch(olga: Person, who: Person) -> Answer:
    batch_id = olga.push(counter(f"t-{next(_numbers)}")).body["batch"]["id"]
    return who.get(f"/batches/{batch_id}")


def ask_for_usage(olga: Person, who: Person) -> Answer:
    return who.get("/customers/olgas/current_usage", external_subscription_id="olgas-1")


def ask_for_past_usage(_: Person, who: Person) -> Answer:
    return who.get("/customers/olgas/past_usage", external_subscription_id="olgas-1")


def ask_for_projected_usage(_: Person, who: Person) -> Answer:
    return who.get(
        "/customers/olgas/projected_usage", external_subscription_id="olgas-1"
    )


def ask_for_lifetime_usage(_: Person, who: Person) -> Answer:
    return who.get("/subscriptions/olgas-1/lifetime_usage")


def ask_to_void(olga: Person, who: Person) -> Answer:
    name = f"t-{next(_numbers)}"
    olga.push(counter(name, external_subscription_id="olgas-1"))
    settings = olga.client.application.extensions[EXTENSION].settings
    work_off(settings.database_url, settings.broker_url, olga.service_id)
    return who.void(name, external_subscription_id="olgas-1")


def ask_for_invoice(olga: Person, who: Person) -> Answer:
    return who.get(f"/invoices/{bring_olgas_invoice(olga)}")


def ask_for_customers_invoices(olga: Person, who: Person) -> Answer:
    bring_olgas_invoice(olga)
    return who.get("/customers/olgas/invoices")


def ask_for_credit_note(olga: Person, who: Person) -> Answer:
    with olgas_ledger(olga) as conn:
        return who.get(f"/credit_notes/{bring_credit_note(conn, olga)}")


def ask_for_customers_credit_notes(olga: Person, who: Person) -> Answer:
    return who.get("/customers/olgas/credit_notes")


def ask_for_payment_url(olga: Person, who: Person) -> Answer:
    return who.post(f"/invoices/{bring_olgas_invoice(olga)}/payment_url")


def ask_for_pdf(olga: Person, who: Person) -> Answer:
    return who.post(f"/invoices/{bring_olgas_invoice(olga)}/download")


def bring_olgas_invoice(olga: Person) -> UUID:
    with olgas_ledger(olga) as conn:
        return bring_invoice(conn, olga, access_token="secret")


def olgas_ledger(olga: Person) -> Connection:
    settings = olga.client.application.extensions[EXTENSION].settings
    return connect(settings.database_url)


def push_to_subscription(_: Person, who: Person) -> Answer:
    return who.push(counter("t", external_subscription_id="olgas-1"))


def ask_for_event(olga: Person, who: Person) -> Answer:
    name = f"e-{next(_numbers)}"
    event = {"transaction_id": name, "external_subscription_id": "olgas-1"}
    olga.post("/events", {"event": {**event, "code": "count"}})
    settings = olga.client.application.extensions[EXTENSION].settings
    work_off(settings.database_url, settings.broker_url, olga.service_id)
    return who.get(f"/events/{name}")


def send_events(_: Person, who: Person) -> Answer:
    event = {"transaction_id": "t", "external_subscription_id": "olgas-1"}
    return who.post("/events/batch", {"events": [{**event, "code": "count"}]})


def ask_for_estimate(_: Person, who: Person) -> Answer:
    event = {"external_subscription_id": "olgas-1", "code": "count"}
    return who.post("/events/estimate_fees", {"event": event})


def ask_for_customers(_: Person, who: Person) -> Answer:
    return who.get("/customers")


def ask_for_customer(_: Person, who: Person) -> Answer:
    return who.get("/customers/olgas")


def ask_for_subscription(_: Person, who: Person) -> Answer:
    return who.get("/subscriptions/olgas-1")


ENTITLEMENTS = "/subscriptions/olgas-1/entitlements"


def ask_for_entitlements(_: Person, who: Person) -> Answer:
    return who.get(ENTITLEMENTS)


def grant(who: Person) -> Answer:
    body = {"entitlements": {"seats": {"max": 1}}}
    return answer_of(who.client.patch(BASE + ENTITLEMENTS, json=body, headers=key(who)))


def key(who: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {who.key}"}


def ask_to_revoke_a_feature(olga: Person, who: Person) -> Answer:
    grant(olga)
    path = f"{BASE}{ENTITLEMENTS}/seats"
    return answer_of(who.client.delete(path, headers=key(who)))


def ask_to_revoke_a_privilege(olga: Person, who: Person) -> Answer:
    grant(olga)
    path = f"{BASE}{ENTITLEMENTS}/seats/privileges/max"
    return answer_of(who.client.delete(path, headers=key(who)))


def make_endpoint(olga: Person) -> str:
    url = f"https://olga-{next(_numbers)}.test/hook"
    made = olga.post("/webhook_endpoints", {"webhook_endpoint": {"webhook_url": url}})
    return f"/webhook_endpoints/{made.body['webhook_endpoint']['lago_id']}"


def ask_for_endpoint(olga: Person, who: Person) -> Answer:
    return who.get(make_endpoint(olga))


def ask_to_rotate_a_secret(olga: Person, who: Person) -> Answer:
    return who.post(f"{make_endpoint(olga)}/rotate")


def ask_for_customers_subscriptions(_: Person, who: Person) -> Answer:
    return who.get("/customers/olgas/subscriptions")


ASKED = {
    f"{BASE}/batches/<batch_id>": ask_for_batch,
    f"{BASE}/customers": ask_for_customers,
    f"{BASE}/customers/<path:external_id>": ask_for_customer,
    f"{BASE}/customers/<path:external_id>/current_usage": ask_for_usage,
    f"{BASE}/customers/<path:external_id>/past_usage": ask_for_past_usage,
    f"{BASE}/credit_notes": lambda _, who: who.get("/credit_notes"),
    f"{BASE}/credit_notes/<lago_id>": ask_for_credit_note,
    f"{BASE}/customers/<path:external_id>/credit_notes": ask_for_customers_credit_notes,
    f"{BASE}/customers/<path:external_id>/invoices": ask_for_customers_invoices,
    f"{BASE}/customers/<path:external_id>/subscriptions": (
        ask_for_customers_subscriptions
    ),
    f"{BASE}/subscriptions": lambda _, who: who.get("/subscriptions"),
    f"{BASE}/subscriptions/<path:external_id>": ask_for_subscription,
    f"{BASE}/subscriptions/<path:external_id>/entitlements": ask_for_entitlements,
    f"{BASE}/subscriptions/<path:external_id>/entitlements/<feature_code>": (
        ask_to_revoke_a_feature
    ),
    f"{BASE}/subscriptions/<path:external_id>/entitlements/<feature_code>"
    "/privileges/<privilege_code>": ask_to_revoke_a_privilege,
    f"{BASE}/events": lambda _, who: who.get("/events"),
    f"{BASE}/events/<path:transaction_id>": ask_for_event,
    f"{BASE}/events/batch": send_events,
    f"{BASE}/events/estimate_fees": ask_for_estimate,
    f"{BASE}/invoices": lambda _, who: who.get("/invoices"),
    f"{BASE}/invoices/<lago_id>": ask_for_invoice,
    f"{BASE}/invoices/<lago_id>/download": ask_for_pdf,
    f"{BASE}/invoices/<lago_id>/payment_url": ask_for_payment_url,
    f"{BASE}/customers/<path:external_id>/portal_url": (
        lambda _, who: who.get("/customers/olgas/portal_url")
    ),
    f"{BASE}/customers/<path:external_id>/projected_usage": ask_for_projected_usage,
    f"{BASE}/subscriptions/<path:external_id>/lifetime_usage": ask_for_lifetime_usage,
    f"{BASE}/billable_metrics": lambda _, who: who.get("/billable_metrics"),
    f"{BASE}/billable_metrics/<path:code>": (
        lambda _, who: who.get("/billable_metrics/sum")
    ),
    f"{BASE}/plans": lambda _, who: who.get("/plans"),
    f"{BASE}/plans/<path:code>": lambda _, who: who.get("/plans/plan"),
    f"{BASE}/plans/<path:code>/charges/<path:charge_code>": (
        lambda _, who: who.get("/plans/plan/charges/sum")
    ),
    f"{BASE}/webhook_endpoints": lambda _, who: who.get("/webhook_endpoints"),
    f"{BASE}/webhook_endpoints/<lago_id>": ask_for_endpoint,
    f"{BASE}/webhook_endpoints/<lago_id>/rotate": ask_to_rotate_a_secret,
    f"{BASE}/webhooks/json_public_key": (
        lambda _, who: who.get("/webhooks/json_public_key")
    ),
    f"{BASE}/webhooks/public_key": lambda _, who: who.get("/webhooks/public_key"),
    f"{BASE}/usage": push_to_subscription,
    f"{BASE}/usage/<path:transaction_id>/void": ask_to_void,
}
NOBODYS = {"external_subscription_id": "nobodys-1"}
AS_IF_NONE: list[tuple[Ask, Callable[[Person], Answer]]] = [
    (
        ask_for_batch,
        lambda who: who.get("/batches/01a208f7-ff66-715c-a59b-eda35af14387"),
    ),
    (
        ask_for_usage,
        lambda who: who.get("/customers/nobody/current_usage", **NOBODYS),
    ),
    (
        ask_for_past_usage,
        lambda who: who.get("/customers/nobody/past_usage", **NOBODYS),
    ),
    (ask_for_customer, lambda who: who.get("/customers/nobody")),
    (
        ask_for_projected_usage,
        lambda who: who.get("/customers/nobody/projected_usage", **NOBODYS),
    ),
    (
        ask_for_entitlements,
        lambda who: who.get("/subscriptions/nobodys-1/entitlements"),
    ),
    (ask_for_subscription, lambda who: who.get("/subscriptions/nobodys-1")),
    (
        ask_for_customers_subscriptions,
        lambda who: who.get("/customers/nobody/subscriptions"),
    ),
    (
        ask_for_lifetime_usage,
        lambda who: who.get("/subscriptions/nobodys-1/lifetime_usage"),
    ),
    (ask_to_void, lambda who: who.void("nobodys", **NOBODYS)),
    (
        ask_for_endpoint,
        lambda who: who.get("/webhook_endpoints/01a208f7-ff66-715c-a59b-eda35af14387"),
    ),
    (
        ask_to_rotate_a_secret,
        lambda who: who.post(
            "/webhook_endpoints/01a208f7-ff66-715c-a59b-eda35af14387/rotate"
        ),
    ),
    (ask_for_event, lambda who: who.get("/events/nobodys")),
    (
        ask_for_estimate,
        lambda who: who.post(
            "/events/estimate_fees",
            {"event": {"external_subscription_id": "nobodys", "code": "count"}},
        ),
    ),
    (
        ask_for_invoice,
        lambda who: who.get("/invoices/01a208f7-ff66-715c-a59b-eda35af14387"),
    ),
    (
        ask_for_pdf,
        lambda who: who.post("/invoices/01a208f7-ff66-715c-a59b-eda35af14387/download"),
    ),
    (
        ask_for_payment_url,
        lambda who: who.post(
            "/invoices/01a208f7-ff66-715c-a59b-eda35af14387/payment_url"
        ),
    ),
    (
        lambda _, who: who.get("/customers/olgas/portal_url"),
        lambda who: who.get("/customers/nobody/portal_url"),
    ),
    (
        ask_for_credit_note,
        lambda who: who.get("/credit_notes/01a208f7-ff66-715c-a59b-eda35af14387"),
    ),
    (
        ask_for_customers_credit_notes,
        lambda who: who.get("/customers/nobody/credit_notes"),
    ),
    (ask_for_customers_invoices, lambda who: who.get("/customers/nobody/invoices")),
]


@pytest.fixture
def olga(olga: Person, conn: Connection) -> Person:
    """Her customer and subscription have names that Mallory's service has not."""
    for statement in (
        "UPDATE customer SET external_id = 'olgas' WHERE service_id = %s",
        "UPDATE subscription SET external_id = 'olgas-1' WHERE service_id = %s",
    ):
        conn.execute(statement, (olga.service_id,))
    conn.commit()
    return olga


@pytest.fixture
def norman(app: Flask, olga: Person) -> Person:
    """Has no key, and tries one."""
    return Person("none", 0, "fb_0123456789ab_guessed", app.test_client())


def test_every_route_is_asked_or_open(app: Flask) -> None:
    absent = {prefix + route.path for route in ABSENT_ROUTES for prefix in PREFIXES}
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    asked_by_lagos_clients = {
        LAGO_BASE + route.removeprefix(BASE)
        for route in ASKED
        if route.startswith(BASE)
    }

    known = OPEN | set(ASKED) | asked_by_lagos_clients
    assert known <= routes <= known | absent


@pytest.mark.parametrize("ask", ASKED.values())
def test_the_owner_is_answered(ask: Ask, olga: Person) -> None:
    assert ask(olga, olga).status in (200, 202)


@pytest.mark.parametrize("ask", ASKED.values())
def test_nobody_without_a_key_is_answered(
    ask: Ask, olga: Person, norman: Person
) -> None:
    assert ask(olga, norman).status == 401


@pytest.mark.parametrize(("ask", "ask_for_nobodys"), AS_IF_NONE)
def test_anothers_answers_as_if_it_did_not_exist(
    ask: Ask,
    ask_for_nobodys: Callable[[Person], Answer],
    olga: Person,
    mallory: Person,
) -> None:
    anothers = ask(olga, mallory)
    nobodys = ask_for_nobodys(mallory)

    assert anothers.status == 404
    assert anothers.body == nobodys.body
    assert list(anothers.headers.keys()) == list(nobodys.headers.keys())


@pytest.mark.parametrize("kind", ["current_usage", "past_usage", "projected_usage"])
def test_the_owners_customer_does_not_show_anothers_subscription(
    kind: str, olga: Person, mallory: Person
) -> None:
    answer = mallory.get(f"/customers/ada/{kind}", external_subscription_id="olgas-1")

    assert (answer.status, answer.body["code"]) == (404, "subscription_not_found")


def test_pushing_to_anothers_subscription_changes_nothing_of_theirs(
    olga: Person, mallory: Person, database_url: str, broker_url: str
) -> None:
    before = ask_for_usage(olga, olga).body

    pushed = push_to_subscription(olga, mallory)
    tally = work_off(database_url, broker_url, mallory.service_id)

    assert pushed.status == 202
    assert tally == {"parked": 1}
    assert ask_for_usage(olga, olga).body == before


def test_taking_back_anothers_counter_changes_nothing_of_theirs(
    olga: Person, mallory: Person
) -> None:
    refused = ask_to_void(olga, mallory)

    usage = ask_for_usage(olga, olga).body["customer_usage"]["charges_usage"]
    assert refused.status == 404
    assert [c["units"] for c in usage if c["billable_metric"]["code"] == "sum"] == [
        "1.0"
    ]


def test_taking_back_ones_own_leaves_anothers_of_the_same_name(
    olga: Person, mallory: Person, database_url: str, broker_url: str
) -> None:
    olga.push(counter("same", external_subscription_id="olgas-1", value=5))
    mallory.push(counter("same", external_subscription_id="olgas-1", value=7))
    work_off(database_url, broker_url, olga.service_id)

    voided = olga.void("same", external_subscription_id="olgas-1")
    refused = mallory.void("same", external_subscription_id="olgas-1")

    assert (voided.status, voided.body["void"]["value"]) == (200, "5")
    assert refused.status == 404


def test_a_metric_of_another_service_is_none_of_mine(
    mallory: Person, olga: Person, conn: Connection
) -> None:
    conn.execute(
        "UPDATE metric SET code = 'hers' WHERE service_id = %s AND code = 'max'",
        (olga.service_id,),
    )
    conn.commit()
    query = {"external_subscription_id": "ada-1", "billable_metric_code": "hers"}

    answer = mallory.get("/customers/ada/past_usage", **query)

    assert (answer.status, answer.body["code"]) == (404, "billable_metric_not_found")


def test_equal_names_in_two_services_are_two_things(
    olga: Person, mallory: Person, database_url: str, broker_url: str
) -> None:
    olga.push(counter("same", external_subscription_id="olgas-1", value=5))
    mallory.push(counter("same", value=7))

    assert work_off(database_url, broker_url, mallory.service_id)["applied"] == 1
    usage = ask_for_usage(olga, olga).body["customer_usage"]["charges_usage"]
    assert [c["units"] for c in usage if c["billable_metric"]["code"] == "sum"] == [
        "5.0"
    ]


def test_the_same_idempotency_key_in_two_services_is_two_batches(
    olga: Person, mallory: Person
) -> None:
    first = olga.push(counter("t"), Idempotency_Key="k")
    second = mallory.push(counter("t"), Idempotency_Key="k")

    assert second.status == 202
    assert first.body["batch"]["id"] != second.body["batch"]["id"]


def test_a_metric_of_another_service_says_nothing_about_mine(
    mallory: Person, olga: Person, conn: Connection
) -> None:
    conn.execute(
        "UPDATE metric SET code = 'hers' WHERE service_id = %s AND code = 'sum'",
        (olga.service_id,),
    )
    conn.commit()

    assert olga.push(counter("t", code="hers", value="text")).status == 422
    assert mallory.push(counter("t", code="hers", value="text")).status == 202
