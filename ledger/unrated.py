"""Charges that cannot be rated by: told by name, never guessed at."""

from collections.abc import Iterator
from contextlib import contextmanager

RATING_ERRORS = (ArithmeticError, KeyError, StopIteration, TypeError, ValueError)
"""What rating by a charge that makes no sense raises, and reading one back."""


class ChargeUnratable(Exception):
    """A charge that makes no sense: what is used under it has no price.

    ``metric`` is its code, where it is known.
    """

    def __init__(self, why: str, metric: str | None = None) -> None:
        super().__init__(why)
        self.metric = metric


@contextmanager
def rating_of(metric: str) -> Iterator[None]:
    """Raises ChargeUnratable, naming the metric, for what rating raises in it."""
    try:
        yield
    except RATING_ERRORS as error:
        raise ChargeUnratable(repr(error), metric) from error
