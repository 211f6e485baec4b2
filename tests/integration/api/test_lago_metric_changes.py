"""Lago's client makes, changes and deletes metrics, with a key that may."""

from typing import Any

import pytest
from lago_python_client.exceptions import LagoApiError

from ledger.db import Connection
from ledger.keys import create_key
from tests.api_world import Person, answer_of
from tests.lago_world import lago_client, models

BillableMetric = models.billable_metric.BillableMetric

REGIONS = models.billable_metric.BillableMetricFilters.parse_obj(
    [{"key": "region", "values": ["ca", "us"]}]
)


@pytest.fixture
def keeper(url: str, olga: Person, conn: Connection) -> Any:
    """Olga's client with a key that may change the catalog."""
    key = create_key(conn, olga.service, ("catalog",))
    conn.commit()
    return lago_client(url, key)


def a_metric(**more: Any) -> Any:
    named = {"name": "Bytes", "code": "bytes", "aggregation_type": "sum_agg"}
    return BillableMetric(**{**named, "field_name": "bytes", **more})


def refusal(call: Any, *arguments: Any) -> tuple[int, Any]:
    """The status and body of what the client is refused."""
    with pytest.raises(LagoApiError) as raised:
        call(*arguments)
    return raised.value.status_code, raised.value.response


def test_what_is_made_reads_back_equal(keeper: Any) -> None:
    made = keeper.billable_metrics.create(
        a_metric(
            description="All\nof them",
            rounding_function="ceil",
            rounding_precision=2,
            filters=REGIONS,
        )
    )

    assert made.description == "All\nof them"
    assert (made.rounding_function, made.rounding_precision) == ("ceil", 2)
    assert made.filters == REGIONS
    assert keeper.billable_metrics.find("bytes") == made
    assert made.created_at.endswith("Z")


@pytest.mark.parametrize(
    "aggregation",
    ["sum_agg", "max_agg", "latest_agg", "unique_count_agg", "count_agg"],
)
def test_every_aggregation_can_be_made(keeper: Any, aggregation: str) -> None:
    made = keeper.billable_metrics.create(a_metric(aggregation_type=aggregation))

    assert made.aggregation_type == aggregation


def test_a_code_that_there_is_is_refused(keeper: Any) -> None:
    status, body = refusal(keeper.billable_metrics.create, a_metric(code="sum"))

    assert status == 422
    assert body["error_details"] == {"code": ["value_already_exist"]}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", None, "value_is_mandatory"),
        ("name", "", "value_is_mandatory"),
        ("code", "", "value_is_mandatory"),
        ("code", "a\0b", "value_is_invalid"),
        ("code", "x" * 256, "value_is_invalid"),
        ("aggregation_type", None, "value_is_mandatory"),
        ("aggregation_type", "weighted_sum_agg", "value_is_invalid"),
        ("aggregation_type", "custom_agg", "value_is_invalid"),
        ("field_name", None, "value_is_mandatory"),
        ("recurring", True, "value_is_invalid"),
        ("rounding_function", "up", "value_is_invalid"),
        ("rounding_precision", 31, "value_is_invalid"),
        ("rounding_precision", 10**18, "value_is_invalid"),
        ("description", "a\x01", "value_is_invalid"),
        ("expression", "1 + 1", "value_is_invalid"),
    ],
)
def test_a_metric_that_cannot_be_is_refused_by_field(
    keeper: Any, field: str, value: Any, code: str
) -> None:
    status, body = refusal(keeper.billable_metrics.create, a_metric(**{field: value}))

    assert status == 422
    assert body["error_details"] == {field: [code]}


def test_a_count_needs_no_field(keeper: Any) -> None:
    metric = a_metric(aggregation_type="count_agg", field_name=None)

    assert keeper.billable_metrics.create(metric).field_name is None


def test_a_change_keeps_what_is_absent(keeper: Any) -> None:
    made = keeper.billable_metrics.create(
        a_metric(description="Old", rounding_function="floor", filters=REGIONS)
    )

    changed = keeper.billable_metrics.update(BillableMetric(name="New"), "bytes")

    assert changed == made.copy(update={"name": "New"})
    assert keeper.billable_metrics.find("bytes") == changed


def test_a_metric_without_charges_may_change_its_aggregation(keeper: Any) -> None:
    keeper.billable_metrics.create(a_metric())

    change = BillableMetric(aggregation_type="max_agg", field_name="peak")
    changed = keeper.billable_metrics.update(change, "bytes")

    assert (changed.aggregation_type, changed.field_name) == ("max_agg", "peak")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"aggregation_type": "max_agg", "field_name": "x"}, "aggregation_type"),
        ({"field_name": "other"}, "field_name"),
        ({"code": "other"}, "code"),
    ],
)
def test_what_a_charged_metric_counts_cannot_change(
    keeper: Any, change: dict[str, Any], field: str
) -> None:
    before = keeper.billable_metrics.find("sum")

    status, body = refusal(
        keeper.billable_metrics.update, BillableMetric(**change), "sum"
    )

    assert status == 422
    assert body["error_details"] == {field: ["value_is_invalid"]}
    assert "cannot change" in body["message"]
    assert keeper.billable_metrics.find("sum") == before


def test_a_charged_metric_may_be_sent_back_as_it_is(keeper: Any) -> None:
    before = keeper.billable_metrics.find("sum")
    same = BillableMetric(code="sum", name="Sum", aggregation_type="sum_agg")

    changed = keeper.billable_metrics.update(same, "sum")

    assert changed == before.copy(update={"name": "Sum"})


def test_a_metric_that_a_plan_charges_is_not_deleted(keeper: Any) -> None:
    status, body = refusal(keeper.billable_metrics.destroy, "sum")

    assert status == 405
    assert body["code"] == "billable_metric_in_use"
    assert "plan" in body["message"]
    assert keeper.billable_metrics.find("sum").code == "sum"


def test_a_deleted_metric_is_answered_and_gone(keeper: Any) -> None:
    made = keeper.billable_metrics.create(a_metric())

    assert keeper.billable_metrics.destroy("bytes") == made
    assert refusal(keeper.billable_metrics.find, "bytes")[0] == 404
    assert refusal(keeper.billable_metrics.destroy, "bytes")[0] == 404
    listed = keeper.billable_metrics.find_all()["billable_metrics"]
    assert "bytes" not in [metric.code for metric in listed]


def test_a_deleted_code_can_be_made_anew(keeper: Any) -> None:
    keeper.billable_metrics.create(a_metric(description="Old", filters=REGIONS))
    keeper.billable_metrics.destroy("bytes")

    made = keeper.billable_metrics.create(a_metric(aggregation_type="max_agg"))

    assert (made.description, made.aggregation_type) == ("", "max_agg")
    assert made.filters.__root__ == []


BODY = {"billable_metric": {"name": "Changed", "code": "c", "aggregation_type": "x"}}
WRITES = [
    ("POST", "/billable_metrics"),
    ("PUT", "/billable_metrics/sum"),
    ("DELETE", "/billable_metrics/sum"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_key_without_the_scope_gets_a_sentence(
    method: str, path: str, olga: Person
) -> None:
    before = olga.get("/billable_metrics").body

    headers = {"Authorization": f"Bearer {olga.key}"}
    answer = answer_of(
        olga.client.open(f"/api/v1{path}", method=method, json=BODY, headers=headers)
    )

    assert answer.status == 403
    assert answer.body["code"] == "missing_scope"
    assert "--scope catalog" in answer.body["message"]
    assert olga.get("/billable_metrics").body == before


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_write_needs_a_key(method: str, path: str, olga: Person) -> None:
    answer = olga.client.open(f"/api/v1{path}", method=method, json=BODY)

    assert answer.status_code == 401


def test_another_services_metric_is_as_if_it_did_not_exist(
    keeper: Any, url: str, mallory: Person, conn: Connection
) -> None:
    key = create_key(conn, mallory.service, ("catalog",))
    conn.commit()
    hers = lago_client(url, key)
    made = keeper.billable_metrics.create(a_metric(code="olgas"))

    for call, arguments in (
        (hers.billable_metrics.find, ("olgas",)),
        (hers.billable_metrics.update, (BillableMetric(name="Hers"), "olgas")),
        (hers.billable_metrics.destroy, ("olgas",)),
    ):
        status, body = refusal(call, *arguments)
        assert status == 404
        assert body["code"] == "billable_metric_not_found"

    assert keeper.billable_metrics.find("olgas") == made
    assert hers.billable_metrics.create(a_metric(code="olgas")).lago_id != made.lago_id
