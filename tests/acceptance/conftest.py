"""A place to start a stack in."""

from collections.abc import Iterator

import pytest

from deploy.embedded.state import State
from tests.embedded_servers import state_directory


@pytest.fixture
def state() -> Iterator[State]:
    """A state directory of the test's own."""
    with state_directory() as made:
        yield made
