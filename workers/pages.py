"""Work in pages, a transaction each, which shrink when the database times out."""

from collections.abc import Callable, Iterator
from typing import Final

from psycopg.errors import QueryCanceled

from ledger.db import Connection, transaction

SMALLEST_SHARE: Final = 64


def in_pages(
    database_url: str, take: Callable[[Connection, int], int]
) -> Iterator[int]:
    """Call ``take(conn, share)`` until it returns 0; yields what it returns, committed.

    It takes one ``share``-th of a page, and all of one at first. A time-out halves it
    for good: the same page would run into the next. Raises what ``take`` raises, and
    QueryCanceled when one SMALLEST_SHARE-th is still too long.
    """
    share = 1
    while True:
        try:
            with transaction(database_url) as conn:
                taken = take(conn, share)
        except QueryCanceled:
            if share >= SMALLEST_SHARE:
                raise
            share *= 2
            continue
        if not taken:
            return
        yield taken
