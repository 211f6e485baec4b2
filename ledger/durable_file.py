"""Compressed files that are whole and on disk, or not there under their name."""

import gzip
import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

PART = ".part"

Chunk = bytes | bytearray | memoryview


def write_gzip(
    path: Path, chunks: Iterable[Chunk], before_rename: Callable[[], None]
) -> None:
    """Write the chunks compressed, as a file that a crash leaves whole or not at all.

    The same chunks give the same bytes (no name, no time in them). What stood there is
    replaced. Raises OSError.
    """
    part = path.with_name(f".{path.name}{PART}")
    try:
        with part.open("wb") as raw:
            with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
                for chunk in chunks:
                    packed.write(chunk)
            raw.flush()
            os.fsync(raw.fileno())
        before_rename()
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def sha256_of(path: Path) -> bytes:
    """The SHA-256 of a file as it is. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
