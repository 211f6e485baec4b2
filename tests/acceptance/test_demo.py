"""``make demo`` as CI can run it: for some seconds, then it judges itself."""

import os
import subprocess
import sys

from tests.embedded_servers import state_directory


def test_the_demo_ends_by_itself_when_everything_agrees() -> None:
    with state_directory() as state:
        demo = subprocess.run(
            [sys.executable, "-m", "deploy.cli", "up", "--demo", "--state", state.root],
            env={**os.environ, "SECONDS_TO_RUN": "6"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "ledger, Odoo and verify agree" in demo.stdout
    assert "Flower" in demo.stdout
