"""`fusion-billing up`: starts a stack, keeps its addresses true, ends it in order."""

import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.embedded.boot import StartFailed, boot
from deploy.embedded.environment import settings_only
from deploy.embedded.files import write_private
from deploy.embedded.keeper import Keeper
from deploy.embedded.plan import Plan, make_plan
from deploy.embedded.state import await_leftovers, hold, make_state
from deploy.stack import Stack, find_stack
from odoo_bridge.check import check_odoo

_LEFTOVER_SECONDS = 90
_WATCH_SECONDS = 0.3
_ODOO_SECONDS = 5.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Demo = Callable[[Stack], int]
Pids = dict[str, list[int]]


def run_up(root: Path, environ: Mapping[str, str], demo: Demo | None = None) -> int:
    """Run the stack of this state directory until a signal, or until ``demo`` returns.

    Returns the exit status: the demo's; 0 when a signal ended a running stack; 1 when a
    process did not start or supervisord ended. Raises StackError, SettingsError, and
    SystemExit when a signal came before everything answered.
    """
    console = Console(highlight=False)

    def tell(text: str) -> None:
        # The terminal may be closed: then there is nobody to tell.
        try:
            console.print(text, markup=False, style="dim")
        except OSError:
            return

    state = make_state(root)
    with _signals_raise(), hold(state):
        await_leftovers(state, _LEFTOVER_SECONDS, tell)
        state.addresses.unlink(missing_ok=True)
        plan = make_plan(state, environ)
        keeper = Keeper(state, plan.programs, plan.environment)
        try:
            boot(keeper, plan, tell)
            settings = json.dumps(settings_only(plan.environment), indent=2)
            write_private(state.environment, settings + "\n")
            return _serve(keeper, plan, console, demo)
        except StartFailed as error:
            click.echo(str(error), err=True)
            return 1
        finally:
            _end(keeper, plan, tell)
            await_leftovers(state, _LEFTOVER_SECONDS, tell)


def _serve(keeper: Keeper, plan: Plan, console: Console, demo: Demo | None) -> int:
    """Keep the addresses until a signal or the demo's end; returns the exit status."""
    lost = threading.Event()
    try:
        with _watched(keeper, plan, lost):
            _show(console, plan, _check_odoo(plan))
            if demo is not None:
                return demo(find_stack(plan.state.root))
            while not lost.wait(1):
                pass
    except SystemExit:
        if demo is not None and not lost.is_set():
            raise
    if lost.is_set():
        click.echo("supervisord has ended, and the processes with it", err=True)
    return int(lost.is_set())


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Ctrl-C, TERM and a closed terminal raise SystemExit, once; then they are mute."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    # A nohup stays one.
    heard = [s for s in _SIGNALS if s != signal.SIGHUP or not _is_ignored(s)]
    before = [(each, signal.signal(each, stop)) for each in heard]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)


def _is_ignored(number: int) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


@contextmanager
def _watched(keeper: Keeper, plan: Plan, lost: threading.Event) -> Iterator[None]:
    """Write ``addresses.json`` now and whenever a process has a new id.

    ``lost`` is set, and SIGTERM raised, when supervisord has ended by itself.
    """
    done = threading.Event()

    def watch(last: Pids) -> None:
        while not done.wait(_WATCH_SECONDS):
            if keeper.ended:
                lost.set()
                # Also out of a demo, which is in the main thread.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
                return
            last = _write_addresses(keeper, plan, last)

    thread: threading.Thread | None = None
    # From here on a signal may come at any moment, within start() as well.
    try:
        first = _write_addresses(keeper, plan, {})
        thread = threading.Thread(target=watch, args=(first,), name="addresses")
        thread.start()
        yield
    finally:
        done.set()
        if thread is not None and thread.ident is not None:
            thread.join()
        plan.state.addresses.unlink(missing_ok=True)


def _write_addresses(keeper: Keeper, plan: Plan, last: Pids) -> Pids:
    processes = keeper.processes()
    if processes is None:
        return last
    pids = {
        program.name: [processes[program.name].pid]
        if processes[program.name].pid
        else []
        for program in plan.programs
    }
    if pids != last:
        text = json.dumps(plan.addresses(pids), indent=2)
        write_private(plan.state.addresses, text + "\n")
    return pids


def _end(keeper: Keeper, plan: Plan, tell: Callable[[str], None]) -> None:
    """End the processes in the reverse order; a second Ctrl-C ends them at once."""
    tell("stopping")

    def hurry(number: int, frame: FrameType | None) -> None:
        keeper.kill()

    for each in _SIGNALS:
        signal.signal(each, hurry if each == signal.SIGINT else signal.SIG_IGN)
    stages = {program.stage for program in plan.programs}
    longest = sum(
        max(p.stop_seconds for p in plan.programs if p.stage == stage)
        for stage in stages
    )
    keeper.stop()
    if not keeper.wait(longest + 10):
        keeper.kill()
        keeper.wait(10)


def _check_odoo(plan: Plan) -> list[str]:
    """What is there, or what is wrong; the stack counts usage all the same."""
    settings = replace(plan.settings, odoo_timeout_seconds=_ODOO_SECONDS)
    report = check_odoo(settings, lambda: datetime.now(UTC))
    found = report.found
    well = [f"{found.odoo}, addon {found.addon}"] if found is not None else []
    return [*well, *report.problems, *report.warnings]


def _show(console: Console, plan: Plan, odoo_lines: list[str]) -> None:
    table = Table(show_header=False, box=None, title_justify="left")
    state = plan.state
    odoo = " (stand-in, for trying things out)" if plan.parts.odoo else ""
    table.add_row("API", plan.api_url)
    table.add_row("Flower", f"{plan.flower_url}  (login: see addresses.json)")
    table.add_row("Odoo", f"{plan.settings.odoo_url}{odoo}")
    for line in odoo_lines:
        table.add_row("", Text(line))
    table.add_row("PostgreSQL", _without_password(plan.settings.database_url))
    table.add_row("Broker", _without_password(plan.settings.broker_url))
    table.add_row("Addresses", str(state.addresses))
    table.add_row("Logs", str(state.root / "log"))
    try:
        console.print(table)
        console.print("Ctrl-C ends it all.", style="dim")
    except OSError:
        return


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    user = f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{host}{port}{parts.path}"
