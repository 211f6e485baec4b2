"""No body of a catalog's change gives a 5xx, and what is refused changes nothing."""

import json
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.db import Connection
from ledger.keys import create_key
from tests.api_world import BASE, Person

FUZZ = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=list(HealthCheck),
)
FILTER = {"values": {"region": ["ca"]}, "properties": {"amount": "1"}}
CHARGE: dict[str, Any] = {
    "id": None,
    "billable_metric_id": "sum",
    "code": None,
    "charge_model": "standard",
    "properties": {"amount": "1"},
    "filters": [FILTER],
    "min_amount_cents": 5,
    "invoice_display_name": "x",
}
PROPERTIES = [
    "amount",
    "package_size",
    "free_units",
    "rate",
    "fixed_amount",
    "free_units_per_events",
    "free_units_per_total_aggregation",
    "graduated_ranges",
    "volume_ranges",
    "from_value",
    "to_value",
    "per_unit_amount",
    "flat_amount",
    "pricing_group_keys",
    "values",
    "key",
]
METRIC = {
    "name": "M",
    "code": "m",
    "aggregation_type": "sum_agg",
    "field_name": "m",
    "description": "",
    "rounding_function": "ceil",
    "rounding_precision": 2,
    "filters": [{"key": "region", "values": ["ca"]}],
    "recurring": False,
}
PLAN = {
    "name": "P",
    "code": "p",
    "interval": "monthly",
    "description": "",
    "amount_cents": 5,
    "amount_currency": "CAD",
    "charges": [CHARGE],
    "usage_thresholds": [{"amount_cents": 5, "recurring": False}],
    "cascade_updates": True,
    "trial_period": 0,
    "tax_codes": [],
}
ODD = ["\0", "\ud800", "x" * 300, 10**400, 10**30, -1, 1e308, 1e-30, "1e5", "", "0"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(ODD)
    | st.sampled_from(["standard", "package", "percentage", "graduated", "volume"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(PROPERTIES), inner)
    ),
    max_leaves=8,
)
MODELS = st.sampled_from(["standard", "package", "percentage", "graduated", "volume"])
CHARGES = st.builds(
    lambda name, value, model: {**CHARGE, "charge_model": model, name: value},
    st.sampled_from(list(CHARGE)),
    JSON,
    MODELS,
)


def changed(base: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda name, value: {**base, name: value}, st.sampled_from(list(base)), JSON
    )


BODIES = {
    "billable_metric": changed(METRIC),
    "plan": changed(PLAN)
    | st.lists(CHARGES, max_size=2).map(lambda charges: {**PLAN, "charges": charges}),
}


@pytest.fixture
def keeper(olga: Person, conn: Connection) -> Person:
    """Olga with a key that may change the catalog."""
    key = create_key(conn, olga.service, ("catalog",))
    conn.commit()
    return Person(olga.service, olga.service_id, key, olga.client)


@pytest.mark.parametrize(("wrapper", "path"), [("billable_metric", "m"), ("plan", "p")])
@FUZZ
@given(data=st.data())
def test_any_body_is_taken_or_refused_without_a_trace(
    wrapper: str, path: str, data: st.DataObject, keeper: Person, conn: Connection
) -> None:
    paths = {"billable_metric": "/billable_metrics", "plan": "/plans"}
    metric = keeper.get("/billable_metrics/sum").body["billable_metric"]["lago_id"]
    body = data.draw(BODIES[wrapper] | JSON, label="body")
    text = json.dumps({wrapper: body}).replace('"sum"', f'"{metric}"')
    there = data.draw(st.booleans(), label="an update")
    place = paths[wrapper] + (f"/{path}" if there else "")
    before = [keeper.get(each).body for each in paths.values()]

    answer = keeper.client.open(
        BASE + place,
        method="PUT" if there else "POST",
        data=text.encode(),
        headers={
            "Authorization": f"Bearer {keeper.key}",
            "Content-Type": "application/json",
        },
    )

    assert answer.status_code in (200, 400, 404, 422), answer.text
    after = [keeper.get(each).body for each in paths.values()]
    if answer.status_code != 200:
        assert after == before
    else:
        read = keeper.get(f"{paths[wrapper]}/{answer.get_json()[wrapper]['code']}")
        assert read.body == answer.get_json()


@FUZZ
@given(body=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_get_an_answer(body: bytes, keeper: Person, app: Flask) -> None:
    for place in ("/billable_metrics", "/plans"):
        answer = keeper.client.post(
            BASE + place,
            data=body,
            headers={
                "Authorization": f"Bearer {keeper.key}",
                "Content-Type": "application/json",
            },
        )

        assert answer.status_code in (400, 422), answer.text
