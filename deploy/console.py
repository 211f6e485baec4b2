"""Where commands print tables."""

import sys

from rich.console import Console

PIPE_COLUMNS = 240


def output_console() -> Console:
    """Standard output; where that is no terminal, wide enough to cut nothing off."""
    return Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS)
