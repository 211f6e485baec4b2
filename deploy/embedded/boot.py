"""Starts the programs of a plan one stage after the other, each when it can work."""

import time
from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial

from deploy.broker import workers_answer
from deploy.embedded.files import last_lines
from deploy.embedded.keeper import Keeper
from deploy.embedded.plan import Plan
from deploy.embedded.postgres import ensure_database
from deploy.embedded.programs import CELERY_NODES, node_name
from deploy.embedded.readiness import (
    database_answers,
    http_answers,
    redis_answers,
    server_answers,
)
from deploy.embedded.state import StackError
from ledger.migrate import migrate

_READY_SECONDS = 90
_TRIES = 2
_POLL_SECONDS = 0.1
_LOG_LINES = 25
_THERE = ("STARTING", "RUNNING")
_STAYS = ("RUNNING",)

Tell = Callable[[str], None]


class StartFailed(RuntimeError):
    """A process did not start or does not answer; the text ends with its log's end."""


def boot(keeper: Keeper, plan: Plan, tell: Tell) -> None:
    """Start everything, and return once all of it answers and stays.

    Raises StartFailed for a process of ours, StackError for a named server that does
    not answer.
    """
    _await_keeper(keeper, plan)
    _boot_servers(keeper, plan, tell)
    tell("migrating the ledger")
    for name in plan.databases:
        ensure_database(plan.maintenance_url, name)
    migrate(plan.settings.database_url)
    names = [p.name for p in plan.programs if p.name not in ("database", "broker")]
    if plan.parts.odoo:
        tell("starting the stand-in Odoo")
        url = plan.settings.odoo_url
        _start(keeper, plan, ["odoo"], lambda: server_answers(url), url)
        names.remove("odoo")
    tell(f"starting {', '.join(names)}")
    _boot_applications(keeper, plan, names)
    # Each has answered, early as it was; supervisord knows when one has stayed.
    every = [program.name for program in plan.programs]
    _await(keeper, plan, every, lambda: True, "supervisord", _STAYS)


def _boot_servers(keeper: Keeper, plan: Plan, tell: Tell) -> None:
    asked: dict[str, Callable[[], bool]] = {}
    if plan.parts.database:
        asked["database"] = partial(database_answers, plan.maintenance_url)
    elif not database_answers(plan.settings.database_url):
        raise StackError("the database that DATABASE_URL names does not answer")
    if plan.parts.broker:
        asked["broker"] = partial(redis_answers, plan.settings.broker_url)
    if asked:
        names = list(asked)
        tell(f"starting the {' and the '.join(names)}")
        _start(keeper, plan, names, _in_turn(list(asked.values())), "a client")


def _boot_applications(keeper: Keeper, plan: Plan, names: Sequence[str]) -> None:
    nodes = [node_name(plan.state, name) for name in CELERY_NODES]
    health, flower = f"{plan.api_url}/health", f"{plan.flower_url}/healthcheck"
    questions = (
        partial(http_answers, health),
        partial(http_answers, flower),
        partial(workers_answer, nodes, plan.settings),
    )
    what = f"{health}, {flower}, a ping of the workers"
    _start(keeper, plan, names, _in_turn(questions), what)


def _in_turn(questions: Iterable[Callable[[], bool]]) -> Callable[[], bool]:
    """Whether all have been answered, each of them once."""
    pending = list(questions)

    def all_answered() -> bool:
        while pending and pending[0]():
            del pending[0]
        return not pending

    return all_answered


def _start(
    keeper: Keeper,
    plan: Plan,
    names: Sequence[str],
    answers: Callable[[], bool],
    question: str,
) -> None:
    """Start the programs; return when they are there and ``answers`` is true."""
    for name in names:
        keeper.start(name)
    _await(keeper, plan, names, answers, question, _THERE)


def _await(
    keeper: Keeper,
    plan: Plan,
    names: Sequence[str],
    answers: Callable[[], bool],
    question: str,
    states: Container[str],
) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    starts: dict[str, set[int]] = {name: set() for name in names}
    while not (_all_in(states, keeper, plan, starts) and answers()):
        if time.monotonic() > deadline:
            raise StartFailed(
                f"{', '.join(names)}: no answer to {question} within "
                f"{_READY_SECONDS} seconds" + _ends_of_logs(plan, names)
            )
        time.sleep(_POLL_SECONDS)


def _await_keeper(keeper: Keeper, plan: Plan) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while keeper.processes() is None:
        if keeper.ended or time.monotonic() > deadline:
            logs = ["supervisord-start", "supervisord"]
            raise StartFailed("supervisord did not start" + _ends_of_logs(plan, logs))
        time.sleep(_POLL_SECONDS)


def _all_in(
    states: Container[str], keeper: Keeper, plan: Plan, starts: dict[str, set[int]]
) -> bool:
    """Whether all of these are in one of supervisord's states.

    ``starts`` collects when each was. Raises StartFailed when one has ended several
    times.
    """
    processes = keeper.processes() or {}
    for name, seen in starts.items():
        process = processes.get(name)
        if process is None:
            continue
        if process.started_at:
            seen.add(process.started_at)
        if process.state == "FATAL" or len(seen) > _TRIES:
            raise StartFailed(f"{name} does not start" + _ends_of_logs(plan, [name]))
    return all(name in processes and processes[name].state in states for name in starts)


def _ends_of_logs(plan: Plan, names: Sequence[str]) -> str:
    text = ""
    for name in names:
        lines = last_lines(plan.state.log(name), _LOG_LINES)
        if lines:
            text += f"\n--- the end of {plan.state.log(name)}:\n" + "\n".join(lines)
    return text
