"""The addon's SQL statements, by name, from ``sql/*.sql``.

A block begins with ``-- name: some_name``; the comment lines after it describe it.
"""

import re
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "sql"
_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def load_queries(file_name: str) -> dict[str, str]:
    """The statements of ``sql/FILE_NAME.sql``, by name, without their comments."""
    text = (_FOLDER / f"{file_name}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    bodies = (_without_comments(body) for body in parts[2::2])
    return dict(zip(parts[1::2], bodies, strict=True))


def _without_comments(body: str) -> str:
    lines = (line for line in body.splitlines() if not line.lstrip().startswith("--"))
    return "\n".join(lines).strip().removesuffix(";")
