"""`fusion-billing up`: the whole stack on this machine."""

import os
from pathlib import Path

import click

from deploy.embedded.state import DEFAULT_STATE, StackError
from deploy.stack import Stack
from deploy.up import run_up


@click.command("up")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_STATE,
    show_default=True,
    help="Directory of data, logs, secrets and addresses.json.",
)
@click.option(
    "--demo",
    is_flag=True,
    help="Meter this machine and show it; SECONDS_TO_RUN=20 ends it by itself.",
)
@click.pass_context
def cli(context: click.Context, state: Path, demo: bool) -> None:
    """Start database, broker, Odoo stand-in, API, workers and Flower; Ctrl-C ends all.

    DATABASE_URL, BROKER_URL and ODOO_URL each replace that part by a real server.
    """
    seconds = _seconds_to_run(os.environ.get("SECONDS_TO_RUN", ""))

    def run(stack: Stack) -> int:
        from deploy.demo import run_demo

        return run_demo(stack, seconds)

    context.exit(run_up(state, os.environ, run if demo else None))


def _seconds_to_run(text: str) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise StackError(f"SECONDS_TO_RUN={text}: not a number of seconds above 0")
    return seconds
