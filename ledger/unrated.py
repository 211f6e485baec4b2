"""Charges that cannot be rated by: told by name, never guessed at."""

from collections.abc import Iterator
from contextlib import contextmanager

RATING_ERRORS = (ArithmeticError, KeyError, StopIteration, TypeError, ValueError)
"""What rating by a charge that makes no sense raises, and reading one back."""


class ChargeUnratable(Exception):
    """A charge that makes no sense: what is used under it has no price."""

    def __init__(self, metric: str, why: str) -> None:
        super().__init__(f"the charge for {metric} cannot be rated by: {why}")
        self.metric = metric


@contextmanager
def rating_of(metric: str) -> Iterator[None]:
    """Raises ChargeUnratable, naming the metric, for what rating raises in it."""
    try:
        yield
    except RATING_ERRORS as error:
        raise ChargeUnratable(metric, repr(error)) from error
