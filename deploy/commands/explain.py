"""`fusion-billing explain`: a bill, back to its counters and receipts."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from deploy.bill_text import (
    COUNTERS_LEGEND,
    bill_text,
    counter_text,
    line_text,
    subject_text,
)
from deploy.options import PERIOD_METAVAR, read_period, state_option
from deploy.stack import find_stack
from ledger.db import Connection, connect
from ledger.explain import explain_bills, find_subject, line_counters
from ledger.explained import (
    ExplainedBill,
    ExplainedLine,
    RatingUnreadable,
    Subject,
    SubscriptionAmbiguous,
    SubscriptionUnknown,
)
from ledger.money import EXACT
from ledger.verify_page import Days
from schemas.messages import plain_number


@click.command
@click.argument("subscription")
@click.option(
    "--period",
    metavar=PERIOD_METAVAR,
    callback=read_period,
    required=True,
    help="Each period with a part in it, in the subscription's timezone.",
)
@click.option("--service", help="Whose subscription, where several have one.")
@click.option("--metric", help="Only lines of the metric with this code.")
@click.option(
    "--counters/--no-counters", default=True, help="With each line's counters or not."
)
@state_option
def cli(
    subscription: str,
    period: Days,
    service: str | None,
    metric: str | None,
    counters: bool,
    state: Path | None,
) -> None:
    """Show how bills of SUBSCRIPTION, an external id, come about.

    Each line with every step of its working, and the counters behind it with the item
    of the batch that brought them. What is not frozen yet is rated as it stands.
    """
    with connect(find_stack(state).database_url) as conn:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        try:
            subject = find_subject(conn, subscription, service)
        except SubscriptionUnknown as error:
            where = f" in {service}" if service else ""
            raise click.ClickException(
                f"no subscription {subscription!r}{where}"
            ) from error
        except SubscriptionAmbiguous as error:
            raise click.ClickException(
                f"several services have a subscription {subscription!r}; say which "
                f"with --service: {error}"
            ) from error
        try:
            _explain(conn, subject, period, metric, counters)
        except RatingUnreadable as error:
            raise click.ClickException(
                f"the stored rating of {error} cannot be read; see "
                "`fusion-billing verify`"
            ) from error


def _explain(
    conn: Connection, subject: Subject, days: Days, metric: str | None, counters: bool
) -> None:
    now = datetime.now(UTC)
    bills = lines = 0
    for bill in explain_bills(conn, subject, days, now):
        wanted = [line for line in bill.lines if metric in (None, line.metric)]
        if not bills:
            _echo(subject_text(subject))
        click.echo()
        _echo(bill_text(subject, bill, now))
        for line in wanted:
            click.echo()
            _echo(line_text(subject, line))
            if counters:
                _print_counters(conn, subject, bill, line)
        click.echo()
        click.echo(f"  {_total(wanted)}")
        bills += 1
        lines += len(wanted)
    if not bills:
        raise click.ClickException(
            f"{subject.external_id!r} has no period between {days.first} and "
            f"{days.after}"
        )
    if metric is not None and not lines:
        raise click.ClickException(f"no line of a metric {metric!r}")


def _print_counters(
    conn: Connection, subject: Subject, bill: ExplainedBill, line: ExplainedLine
) -> None:
    zone = ZoneInfo(subject.terms.timezone)
    for number, counter in enumerate(line_counters(conn, subject, bill, line)):
        if not number:
            click.echo(COUNTERS_LEGEND)
        _echo(counter_text(bill, counter, zone))


def _total(lines: list[ExplainedLine]) -> str:
    """Currencies are never added up."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.currency] = EXACT.add(sums[line.currency], line.rating.amount)
    parts = [f"{plain_number(total)} {code}" for code, total in sorted(sums.items())]
    return f"in all {', '.join(parts) or 'nothing'}, before tax"


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
