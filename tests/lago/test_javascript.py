"""The same story with Lago's own JavaScript client, in Node."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lago.client_calls import javascript_package
from tests.lago.moved_app import move_app
from tests.stack_process import RunningStack

SCRIPT = Path(__file__).parent / "story.mjs"


def test_the_javascript_client_lives_the_same_story(
    stack: RunningStack, tmp_path: Path
) -> None:
    package, node = javascript_package(), shutil.which("node")
    if package is None or node is None:
        pytest.skip("no Node with lago-javascript-client; .ci/run installs them")
    app = move_app(stack, tmp_path)

    told = subprocess.run(
        [node, str(SCRIPT)],
        env=os.environ
        | {
            "LAGO_PACKAGE": str(package),
            "API_URL": stack.api,
            "API_KEY": app.key,
            "SERVICE": app.service,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert told.returncode == 0, told.stderr
