"""Proving archived files: against their recorded hash, and against the seals.

A file is read line by line beside its sealed periods, which come in the same order; no
more than a part of one period is held.
"""

import csv
import gzip
import hashlib
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from pathlib import Path

from ledger.chain import LINES_PER_DIGEST
from ledger.db import Connection
from ledger.durable_file import sha256_of
from ledger.place import EPOCH
from ledger.queries import load_queries

MICROSECOND = timedelta(microseconds=1)
PAGE = 1_000

_SQL = load_queries("archiving")

Line = Mapping[str, str]
"""A line of a file, by its header; an empty text is NULL."""


@dataclass(frozen=True)
class FileProof:
    """A file, what it holds, and what is wrong with it."""

    file_name: str
    lines: int
    periods: int
    faults: tuple[str, ...]


@dataclass(frozen=True)
class _Sealed:
    subscription_id: int
    subscription: str
    start: datetime
    counters_hash: bytes

    @property
    def key(self) -> tuple[int, datetime]:
        return self.subscription_id, self.start


def prove_files(
    conn: Connection, folder: Path, service: str | None = None
) -> Iterator[FileProof]:
    """Check every file that the ledger says was archived; needs a transaction."""
    rows = conn.execute(_SQL["files"], {"service": service}).fetchall()
    for file_id, file_name, sha256, lines, periods in rows:
        faults: list[str] = []
        try:
            if sha256_of(folder / file_name) != sha256:
                faults.append("its SHA-256 is not what was recorded")
            _prove_lines(conn, file_id, folder / file_name, lines, faults)
        except FileNotFoundError:
            faults.append("is not there")
        except (OSError, EOFError, zlib.error) as error:
            faults.append(f"cannot be read: {error}")
        except (csv.Error, KeyError, TypeError, ValueError) as error:
            faults.append(f"has a line that is none: {error!r}")
        yield FileProof(file_name, lines, periods, tuple(faults))


def counters_hash_of(lines: Iterable[Line]) -> bytes:
    """What ledger.chain.counters_hash says of the same counters, in their order."""
    digest = hashlib.sha256()
    texts = map(seal_text, lines)
    while part := list(islice(texts, LINES_PER_DIGEST)):
        digest.update(hashlib.sha256("\n".join(part).encode()).digest())
    return digest.digest()


def seal_text(line: Line) -> str:
    """A line as PostgreSQL's json_build_array writes it; members and
    properties are such text."""
    values = [
        json.dumps(line["sign"], ensure_ascii=False),
        json.dumps(line["code"], ensure_ascii=False),
        json.dumps(line["transaction_id"], ensure_ascii=False),
        str(_microseconds(line["period_start"])),
        str(_microseconds(line["occurred_at"])),
        f'"{line["batch_id"]}"',
        line["item_index"],
        f'"{_trim_scale(line["value"])}"' if line["value"] else "null",
        line["members"] or "null",
    ]
    if line.get("properties"):  # older files have no such column
        values.append(line["properties"])
    return f"[{', '.join(values)}]"


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a file. Raises OSError, EOFError, zlib.error, csv.Error."""
    csv.field_size_limit(sys.maxsize)  # a counter may have very many members
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, strict=True)


def _prove_lines(
    conn: Connection, file_id: int, path: Path, recorded: int, faults: list[str]
) -> None:
    """Compare each period's lines with its seal."""
    count = 0

    def counted() -> Iterator[Line]:
        nonlocal count
        for line in read_lines(path):
            count += 1
            yield line

    groups = groupby(counted(), _period_of)
    found = next(groups, None)
    with closing(conn.cursor(name="sealed_in_file")) as cursor:
        cursor.itersize = PAGE
        cursor.execute(_SQL["sealed_in_file"], {"file_id": file_id})
        for row in cursor:
            sealed = _Sealed(*row)
            while found is not None and found[0] < sealed.key:
                faults.append(f"has lines of no period of its own: {found[0]}")
                found = next(groups, None)
            mine: Iterable[Line] = ()
            if found is not None and found[0] == sealed.key:
                mine = found[1]
            if counters_hash_of(mine) != sealed.counters_hash:
                faults.append(
                    f"{sealed.subscription} {sealed.start:%Y-%m-%dT%H:%M:%SZ}: its "
                    "counters are not those that were sealed"
                )
            if found is not None and found[0] == sealed.key:
                found = next(groups, None)
    while found is not None:
        faults.append(f"has lines of no period of its own: {found[0]}")
        found = next(groups, None)
    if count != recorded:
        faults.append(f"has {count} lines, {recorded} were recorded")


def _period_of(line: Line) -> tuple[int, datetime]:
    return int(line["subscription_id"]), datetime.fromisoformat(line["billed_in"])


def _microseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // MICROSECOND


def _trim_scale(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number
