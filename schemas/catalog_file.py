"""Reads a catalog file and reports all of its faults together, each with its path.

Names across entries are checked on the file as written, so that one faulty entry does
not make others look faulty too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import ValidationError

from schemas.catalog import CatalogSchema
from schemas.catalog_entries import Catalog

PARTS: Final = ("service", "metrics", "plans", "customers", "subscriptions")

_KEYS: Final = {
    "metrics": "code",
    "plans": "code",
    "customers": "external_id",
    "subscriptions": "external_id",
}

Path = tuple[str | int, ...]
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where: ``plans[2].charges[0].price``; "" is the whole file."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


@dataclass(frozen=True)
class Reference:
    """A name that the file uses and does not define; ``part`` is where it would be."""

    part: str
    name: str
    path: str


@dataclass(frozen=True)
class CatalogDraft:
    """A file as read. ``catalog`` is None when there are faults.

    ``references`` are still to be found among what was loaded before; ``service`` is
    the service's code, as far as one can be read.
    """

    catalog: Catalog | None
    service: str | None
    faults: tuple[Fault, ...]
    references: tuple[Reference, ...]


def check_catalog(raw: Any) -> CatalogDraft:
    """Check what ``schemas.yaml_text`` read; never raises."""
    if not isinstance(raw, Mapping):
        fault = Fault("", "holds no catalog: parts such as service and metrics")
        return CatalogDraft(None, None, (fault,), ())
    catalog = None
    found: list[tuple[Path, str]] = []
    try:
        catalog = CatalogSchema().load(raw)
    except ValidationError as error:
        found += _flatten(error.messages, ())
    found += _find_repeats(raw)
    found.sort(key=lambda fault: _place(fault[0]))
    service = raw.get("service")
    code = service.get("code") if isinstance(service, Mapping) else None
    return CatalogDraft(
        catalog=None if found else catalog,
        service=code if isinstance(code, str) else None,
        faults=tuple(Fault(show_path(path), text) for path, text in found),
        references=tuple(_find_references(raw)),
    )


def show_path(path: Path) -> str:
    """``("plans", 2, "charges", 0, "price")`` → ``plans[2].charges[0].price``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def unknown_reference(reference: Reference) -> Fault:
    """The fault of a reference that nothing defines."""
    kind = reference.part.removesuffix("s")
    return Fault(
        reference.path, f"{kind} {reference.name!r} is neither in this file nor known"
    )


def _flatten(messages: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(messages, Mapping):
        for step, below in messages.items():
            yield from _flatten(below, path if step == "_schema" else (*path, step))
    else:
        yield from ((path, str(text)) for text in messages)


def _place(path: Path) -> tuple[int, int]:
    """Faults in the order of the file's usual parts and their entries."""
    part = PARTS.index(str(path[0])) if path and path[0] in PARTS else len(PARTS)
    entry = path[1] if len(path) > 1 and isinstance(path[1], int) else -1
    return part, entry


def _find_repeats(raw: Entry) -> Iterator[tuple[Path, str]]:
    for part, key in _KEYS.items():
        yield from _repeats(_entries(raw, part), (part,), key)
    for index, plan in _entries(raw, "plans"):
        yield from _repeats(
            _entries(plan, "charges"), ("plans", index, "charges"), "metric"
        )


def _repeats(
    entries: Iterable[tuple[int, Entry]], path: Path, key: str
) -> Iterator[tuple[Path, str]]:
    first: dict[str, int] = {}
    for index, entry in entries:
        name = entry.get(key)
        if isinstance(name, str) and first.setdefault(name, index) != index:
            before = show_path((*path, first[name]))
            yield (*path, index, key), f"{name!r} stands in {before} already"


def _find_references(raw: Entry) -> Iterator[Reference]:
    defined = {
        part: {
            entry.get(key)
            for _, entry in _entries(raw, part)
            if isinstance(entry.get(key), str)
        }
        for part, key in _KEYS.items()
    }
    for part, path, name in _named(raw):
        if isinstance(name, str) and name and name not in defined[part]:
            yield Reference(part, name, show_path(path))


def _named(raw: Entry) -> Iterator[tuple[str, Path, Any]]:
    for index, plan in _entries(raw, "plans"):
        for place, charge in _entries(plan, "charges"):
            path: Path = ("plans", index, "charges", place, "metric")
            yield "metrics", path, charge.get("metric")
    for index, entry in _entries(raw, "subscriptions"):
        for part, key in (("customers", "customer"), ("plans", "plan")):
            yield part, ("subscriptions", index, key), entry.get(key)


def _entries(raw: Entry, part: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The entries of a part that are objects at all, with their places."""
    entries = raw.get(part)
    if isinstance(entries, list):
        yield from (
            (index, entry)
            for index, entry in enumerate(entries)
            if isinstance(entry, Mapping)
        )
