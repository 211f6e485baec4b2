"""Logs are JSON lines, and no library's log brings a whole message along."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from schemas.logging import MAX_FOREIGN_EVENT_CHARS, configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging("INFO", stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_an_event_is_one_line_with_its_ids(stream: io.StringIO) -> None:
    structlog.get_logger("workers.fold").info("batch_folded", batch_id="b1", applied=3)

    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "batch_folded",
        "level": "info",
        "logger": "workers.fold",
        "batch_id": "b1",
        "applied": 3,
    }


def test_what_is_below_the_level_is_left_out(stream: io.StringIO) -> None:
    structlog.get_logger("workers").debug("detail")
    logging.getLogger("kombu").debug("detail")

    assert stream.getvalue() == ""


def test_a_library_keeps_its_first_line_only(stream: io.StringIO) -> None:
    logging.getLogger("celery").warning("Unknown message: %s\n\n%s", "x" * 500, "body")

    line = json.loads(stream.getvalue())
    assert line["event"].startswith("Unknown message: xxx")
    assert len(line["event"]) == MAX_FOREIGN_EVENT_CHARS
    assert "body" not in stream.getvalue()


def test_configuring_twice_does_not_log_twice(stream: io.StringIO) -> None:
    configure_logging("INFO", stream)
    structlog.get_logger("workers").info("once")

    assert len(stream.getvalue().splitlines()) == 1
