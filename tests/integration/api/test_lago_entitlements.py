"""Apps keep what a subscription may do here. Lago's Python client has no call for it:
these are the requests that its JavaScript client makes.

Olga's subscription is ada-1, as is Mallory's.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledger.db import Connection
from ledger.entitlements import MAX_FEATURES, MAX_PRIVILEGES
from tests.api_world import BASE, Answer, Person, answer_of

PLACE = "/subscriptions/ada-1/entitlements"


def ask(who: Person, method: str, path: str, body: Any = None) -> Answer:
    headers = {"Authorization": f"Bearer {who.key}"}
    sent = None if body is None else json.dumps(body)
    return answer_of(
        who.client.open(
            BASE + path,
            method=method,
            data=sent,
            headers=headers,
            content_type="application/json",
        )
    )


def grant(who: Person, features: Any, path: str = PLACE) -> Answer:
    return ask(who, "PATCH", path, {"entitlements": features})


def held(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.text
    return {each["code"]: each["overrides"] for each in answer.body["entitlements"]}


def test_what_is_granted_comes_back_in_lagos_shape(olga: Person) -> None:
    grant(olga, {"seats": {"max": 25, "root": True, "tier": "gold"}, "sso": {}})

    answer = olga.get(PLACE)

    seats, sso = answer.body["entitlements"]
    assert (seats["code"], seats["name"], sso["privileges"]) == ("seats", "seats", [])
    assert seats["overrides"] == {"max": 25, "root": True, "tier": "gold"}
    assert seats["privileges"][0] == {
        "code": "max",
        "name": "max",
        "value_type": "integer",
        "value": 25,
        "plan_value": None,
        "override_value": 25,
        "config": {},
    }
    types = [each["value_type"] for each in seats["privileges"]]
    assert types == ["integer", "boolean", "string"]


def test_a_grant_adds_and_a_repeat_changes_nothing(olga: Person) -> None:
    grant(olga, {"seats": {"max": 25, "min": 1}})

    for _ in range(2):
        answer = grant(olga, {"seats": {"max": 50}, "api": {"quota": 10}})

    assert held(answer) == {"api": {"quota": 10}, "seats": {"max": 50, "min": 1}}


def test_features_and_privileges_are_taken_away(olga: Person) -> None:
    grant(olga, {"seats": {"max": 25, "min": 1}, "api": {}})

    one = ask(olga, "DELETE", f"{PLACE}/api")
    other = ask(olga, "DELETE", f"{PLACE}/seats/privileges/min")

    assert held(one) == {"seats": {"max": 25, "min": 1}}
    assert held(other) == {"seats": {"max": 25}}
    for path, code in (
        ("api", "feature_not_found"),
        ("seats/privileges/min", "privilege_not_found"),
        ("%00", "feature_not_found"),
    ):
        gone = ask(olga, "DELETE", f"{PLACE}/{path}")
        assert (gone.status, gone.body["code"]) == (404, code)
    assert olga.get("/subscriptions/ada-1").status == 200


def test_another_sees_and_changes_only_its_own(olga: Person, mallory: Person) -> None:
    grant(olga, {"seats": {"max": 25}})

    assert held(mallory.get(PLACE)) == {}
    assert held(grant(mallory, {"seats": {"max": 1}})) == {"seats": {"max": 1}}
    assert held(olga.get(PLACE)) == {"seats": {"max": 25}}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_subscription_that_is_not_there_has_none(
    olga: Person, mallory: Person, conn: Connection, method: str
) -> None:
    conn.execute(
        "UPDATE subscription SET external_id = 'olgas' WHERE service_id = %s",
        (olga.service_id,),
    )
    conn.commit()
    end = "/x" if method == "DELETE" else ""
    body: Any = {"entitlements": {}} if method == "PATCH" else None

    for name in ("olgas", "nobodys"):
        path = f"/subscriptions/{name}/entitlements{end}"
        answer = ask(mallory, method, path, body)
        assert (answer.status, answer.body["code"]) == (404, "subscription_not_found")


@pytest.mark.parametrize(
    "features",
    [
        [],
        {"": {}},
        {"a\0": {}},
        {"\ud800": {}},
        {"x" * 256: {}},
        {"a": "b"},
        {"a": {"\0": 1}},
        {"a": {"b": 1.5}},
        {"a": {"b": 10**30}},
        {"a": {"b": []}},
        {"a": {"b": "\0"}},
        {"a": {"b": "x" * 256}},
        {f"f-{number}": {} for number in range(MAX_FEATURES + 1)},
        {"a": {f"p-{number}": 1 for number in range(MAX_PRIVILEGES + 1)}},
    ],
)
def test_what_is_no_grant_is_refused(olga: Person, features: Any) -> None:
    answer = grant(olga, features)

    assert answer.status == 422, answer.text
    assert held(olga.get(PLACE)) == {}


def test_many_small_grants_do_not_pass_the_limit(olga: Person) -> None:
    grant(olga, {f"f-{number}": {} for number in range(MAX_FEATURES)})

    assert grant(olga, {"more": {}}).status == 422
    assert len(held(olga.get(PLACE))) == MAX_FEATURES


def test_grants_at_once_are_all_there(olga: Person) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: grant(olga, {"seats": {f"p-{n}": n}}), range(8)))

    assert len(held(olga.get(PLACE))["seats"]) == 8
