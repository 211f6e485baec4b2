"""Options that several commands share."""

from pathlib import Path

import click

state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="State directory of the running stack; else the environment, else .fusion.",
)
