"""The addon's SQL statements, by name, from ``addon.sql`` beside this module.

A block begins with ``-- name: some_name``; the comment lines after it describe it.
"""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def load_queries() -> dict[str, LiteralString]:
    """The statements by name. They ship with the package: trusted as literals are."""
    text = (files(__package__) / "addon.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    return {
        name: cast(LiteralString, body.strip().removesuffix(";"))
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }
