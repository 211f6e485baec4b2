"""The processes of one API count together."""

import os
import subprocess
import sys
from pathlib import Path

COUNT = "from ingest_api.metrics import COUNTERS_ACCEPTED; COUNTERS_ACCEPTED.inc({})"
SHOW = """
from datetime import UTC, datetime
from ingest_api.metrics import render_metrics
print(render_metrics(7, None, datetime.now(UTC)).decode())
"""


def run(program: str, folder: Path) -> list[str]:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_any_process_shows_the_sum_of_all(tmp_path: Path) -> None:
    run(COUNT.format(3), tmp_path)
    run(COUNT.format(4), tmp_path)

    lines = run(SHOW, tmp_path)

    assert "fusion_billing_counters_accepted_total 7.0" in lines
    assert "fusion_billing_queue_batches 7.0" in lines
    assert 'fusion_billing_dependency_up{dependency="database"} 0.0' in lines
