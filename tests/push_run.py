"""One push of a bridge process that can be killed: it says when Odoo has answered.

Settings come from the environment. Each call has one row. After the first answer it
prints a line and waits, so that the call is committed in Odoo, nothing is marked, and
the next batch is claimed.
"""

import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

from odoo_bridge.client import connect
from odoo_bridge.pace import Pace
from odoo_bridge.push import push_rollups
from schemas.settings import load_settings
from tests.bridge_world import Between


def wait_for_ever(_: Any) -> None:
    """Say that Odoo has answered, and never come back."""
    sys.stdout.write("answered\n")
    sys.stdout.flush()
    time.sleep(3600)


def main() -> None:
    """Push until killed."""
    settings = load_settings(os.environ)
    with connect(settings) as client:
        stuck: Any = Between(client, wait_for_ever)
        push_rollups(stuck, settings.database_url, lambda: datetime.now(UTC), Pace(1))


if __name__ == "__main__":
    main()
