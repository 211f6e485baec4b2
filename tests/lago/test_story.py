"""An app's life with Lago's own Python client, against a running stack."""

from pathlib import Path

import pytest

from tests.lago.moved_app import STORY, MovedApp, move_app
from tests.stack_process import RunningStack


@pytest.fixture
def app(stack: RunningStack, tmp_path: Path) -> MovedApp:
    return move_app(stack, tmp_path)


def test_what_is_set_up_reads_back(app: MovedApp) -> None:
    app.set_up()

    metrics = app.lago.billable_metrics.find_all()
    plan = app.lago.plans.find("pro")

    assert {(m.code, m.aggregation_type) for m in metrics["billable_metrics"]} == {
        (metric["code"], metric["aggregation_type"]) for metric in STORY["metrics"]
    }
    assert (plan.amount_cents, plan.interval) == (2000, "monthly")
    assert {
        charge.billable_metric_code: charge.charge_model
        for charge in plan.charges.__root__
    } == {charge["metric"]: charge["charge_model"] for charge in STORY["charges"]}
