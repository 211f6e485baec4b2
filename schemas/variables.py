"""One environment variable: its value, or that of the file which NAME_FILE names."""

from collections.abc import Mapping
from pathlib import Path


class VariableUnreadable(OSError):
    """The file of NAME_FILE cannot be read; the text names both."""


def read_variable(environ: Mapping[str, str], name: str) -> str | None:
    """The value without the blanks around it; None when neither is set, or empty.

    Raises VariableUnreadable.
    """
    path = environ.get(f"{name}_FILE")
    if not path:
        return environ.get(name) or None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise VariableUnreadable(f"{name}_FILE: cannot read {path}: {error}") from error
