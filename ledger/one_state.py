"""Reading the books as they were at one instant, over several statements."""

from ledger.db import Connection
from ledger.queries import load_queries

_SQL = load_queries("one_state")


def see_one_state(conn: Connection) -> None:
    """What other transactions do from here on is not seen; call it first in one.

    So what is folded or frozen meanwhile is counted once, before or after.
    """
    conn.execute(_SQL["see_one_state"])
