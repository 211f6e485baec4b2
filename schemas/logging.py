"""Logs: one JSON object a line on standard error, an event name and ids.

Our own code logs by structlog; what libraries log by the standard library comes out in
the same form, cut to the first line, because some of them append the whole message
that they could not read.
"""

import logging
import sys
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MAX_FOREIGN_EVENT_CHARS: Final = 300

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logging(level: str, stream: TextIO = sys.stderr) -> None:
    """Send everything from ``level`` (``INFO``, …) upwards to ``stream``.

    Replaces what was configured before, so that a second call changes nothing.
    """
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level]
        ),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, keep_first_line],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)


def keep_first_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The event's first line, at most MAX_FOREIGN_EVENT_CHARS of it."""
    lines = str(event["event"]).strip().splitlines() or [""]
    event["event"] = lines[0][:MAX_FOREIGN_EVENT_CHARS]
    return event
