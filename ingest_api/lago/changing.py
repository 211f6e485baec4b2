"""Changes of the books that Lago's endpoints make, and who is to hear of them."""

from collections.abc import Callable
from typing import Final, TypeVar

from ingest_api.api import current_api
from ingest_api.changes import BooksBusy
from ingest_api.errors import books_busy
from ledger.db import Connection
from schemas.messages import DELIVER_WEBHOOKS, SEND_CHANGES

T = TypeVar("T")

BUSY_RETRY_SECONDS: Final = 5


def change_books(function: Callable[[Connection], T]) -> T:
    """The function's result, committed; then the bridge and the webhooks are kicked.

    Raises ApiError 503 while the books are locked, or Unavailable.
    """
    api = current_api()
    try:
        result = api.change(function)
    except BooksBusy as error:
        raise books_busy(BUSY_RETRY_SECONDS) from error
    for task in (SEND_CHANGES, DELIVER_WEBHOOKS):
        api.publisher.kick(task)
    return result
