"""Archiving beside a worker: both finish, and the books agree."""

import threading
from datetime import timedelta
from pathlib import Path

import psycopg

from ledger.db import Connection
from tests.archive_world import LATER, archive, faults, mismatches
from tests.frozen_world import APRIL, JANUARY, at, frozen_world
from tests.ledger_world import make_message, push


def test_a_worker_folds_old_and_new_while_counters_are_archived(
    conn: Connection, database_url: str, tmp_path: Path
) -> None:
    world = frozen_world(conn, open_correction=False)
    done = threading.Event()
    problems: list[BaseException] = []

    def work() -> None:
        number = 0
        try:
            with psycopg.connect(database_url) as worker:
                while not done.is_set():
                    number += 1
                    items = [
                        at(APRIL + timedelta(seconds=number), f"n{number}"),
                        at(APRIL, "f1"),  # archived meanwhile, at another instant
                        at(JANUARY, "j1"),
                    ]
                    push(worker, make_message(world, items), APRIL)
        except psycopg.Error as error:
            problems.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    archive(database_url, world, tmp_path, LATER)
    done.set()
    thread.join()

    assert problems == []
    assert mismatches(database_url, world) == []
    assert faults(database_url, tmp_path) == []
