"""The stand-in with the probe model, as a process: what the transcripts replay on."""

import os
from importlib.resources import files

import psycopg

from odoo_bridge.embedded.__main__ import Standin
from odoo_bridge.embedded.app import prepare_database
from tests.contract.probe import probe_models


def main() -> None:
    """Make the probe's table and records, then serve."""
    url = os.environ["ODOO_STANDIN_DATABASE_URL"]
    prepare_database(url, os.environ["ODOO_LOGIN"])
    with psycopg.connect(url) as conn:
        conn.execute((files("tests.contract") / "probe.sql").read_bytes())
    Standin(os.environ, probe_models()).run()


if __name__ == "__main__":
    main()
