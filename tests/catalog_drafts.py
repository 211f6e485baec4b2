"""A catalog file as tests take it, and spoil it."""

import copy
from typing import Any

from schemas.catalog_entries import Catalog
from schemas.catalog_file import CatalogDraft, check_catalog
from schemas.yaml_text import parse_yaml

PILOT = """
service: {code: nexacloud, name: NexaCloud, mode: live}
metrics:
  - {code: cpu_seconds, name: CPU, aggregation: sum, unit: s}
  - {code: users, aggregation: unique}
plans:
  - code: small
    name: Small
    interval: monthly
    currency: CAD
    price: 20.00
    charges:
      - {metric: cpu_seconds, model: package, included: 3600, price: 0.0075,
         package_size: 3600}
      - metric: users
        model: graduated
        tiers:
          - {up_to: 10, unit_price: 0, flat_price: 5}
          - {up_to: null, unit_price: 0.25}
customers:
  - {external_id: ada, name: Ada, email: ada@example.com}
subscriptions:
  - {external_id: ada-1, customer: ada, plan: small, started_at: 2026-03-01,
     timezone: America/Toronto, anchor: anniversary}
"""


def pilot() -> Any:
    """The pilot file as read, to be spoiled."""
    return parse_yaml(PILOT)


def loaded(raw: Any) -> Catalog:
    """The catalog of a file without faults."""
    draft = check_catalog(raw)
    assert draft.faults == ()
    assert draft.catalog is not None
    return draft.catalog


def paths(draft: CatalogDraft) -> list[str]:
    """Where the faults are."""
    return [fault.path for fault in draft.faults]


def set_at(raw: Any, steps: list[str | int], value: Any) -> Any:
    """A copy of a file with one value replaced."""
    result = copy.deepcopy(raw)
    place = result
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    return result
