"""Every SQL statement, by name, from .sql files.

A block begins with ``-- name: some_name``; the comment lines after it describe it.
"""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def load_queries(file_name: str, package: str = "ledger") -> dict[str, str]:
    """The statements of the package's ``sql/FILE_NAME.sql``, by name.

    Raises ValueError when two have one name.
    """
    text = (files(package) / "sql" / f"{file_name}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    names = parts[1::2]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{file_name}.sql of {package}: named twice: {sorted(twice)}")
    statements = (_without_comments(body) for body in parts[2::2])
    return dict(zip(names, statements, strict=True))


def _without_comments(body: str) -> str:
    lines = (line for line in body.splitlines() if not line.lstrip().startswith("--"))
    return "\n".join(lines).strip().removesuffix(";")
