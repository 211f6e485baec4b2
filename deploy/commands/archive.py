"""`fusion-billing archive`: old counters go to files, which can be proved."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from deploy.options import state_option
from deploy.stack import find_stack
from ledger.archive_proof import prove_files
from ledger.archiving import (
    Archive,
    ArchivedFile,
    ArchiveRefused,
    archive_counters,
    plan_archive,
    services,
    take_turn,
)
from ledger.db import Connection, connect
from ledger.keys import ServiceUnknown

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command
@click.option("--to", "folder", type=_FOLDER, help="Directory that gets the files.")
@click.option(
    "--older-than-months",
    "months",
    type=click.IntRange(min=1, max=1200),
    default=13,
    show_default=True,
    help="Only periods that ended longer ago than that.",
)
@click.option("--service", help="Only this service.")
@click.option("--dry-run", is_flag=True, help="Say what would be archived.")
@click.option("--verify", "proved", type=_FOLDER, help="Prove the files in it instead.")
@state_option
def cli(
    folder: Path | None,
    months: int,
    service: str | None,
    dry_run: bool,
    proved: Path | None,
    state: Path | None,
) -> None:
    """Move counters of periods that are frozen and sealed into compressed files.

    A file per service and month, its SHA-256 kept in the ledger. An archived period
    never changes again: late counters for it are rejected, none can be voided.
    Interrupted, run it again with the same directory.

    With --verify DIR each file is compared with its recorded SHA-256, and its counters
    with what was sealed; exit status 1 when anything differs.
    """
    if (folder is None) == (proved is None):
        raise click.UsageError("give one of --to DIR and --verify DIR")
    with connect(find_stack(state).database_url) as conn:
        try:
            if proved is not None:
                _prove(conn, proved, service)
            elif folder is not None:
                conn.autocommit = True
                _archive(conn, folder, months, service, dry_run)
        except ServiceUnknown as error:
            raise click.ClickException(
                f"no service {service!r} in the ledger"
            ) from error
        except (ArchiveRefused, OSError) as error:
            raise click.ClickException(str(error)) from error


def _archive(
    conn: Connection, folder: Path, months: int, service: str | None, dry_run: bool
) -> None:
    take_turn(conn)
    console = Console(stderr=True)
    files = 0
    with console.status("looking for old periods") as status:

        def show(name: str, step: str) -> None:
            status.update(f"{name}: {step}")

        for service_id, code in services(conn, service):
            archive = Archive(conn, service_id, code, folder, datetime.now(UTC), show)
            if dry_run:
                for planned in plan_archive(archive, months):
                    click.echo(f"would write {_described(planned)}")
                    files += 1
                continue
            for done in archive_counters(archive, months):
                deleted = f"{done.counters} counters deleted"
                click.echo(f"{_described(done)}, {deleted}")
                files += 1
    if not files:
        click.echo("nothing old enough is left to archive")


def _described(file: ArchivedFile) -> str:
    return f"{file.file_name}: {file.periods} periods, {file.lines} lines"


def _prove(conn: Connection, folder: Path, service: str | None) -> None:
    services(conn, service)
    wrong = 0
    for proof in prove_files(conn, folder, service):
        click.echo(f"{proof.file_name}: {proof.periods} periods, {proof.lines} lines")
        for fault in proof.faults:
            click.echo(f"  {fault}")
        wrong += len(proof.faults)
    if wrong:
        click.echo(f"{wrong} faults: the archive is not what was sealed", err=True)
        sys.exit(1)
    click.echo("the archive is what was sealed")
