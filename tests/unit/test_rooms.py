"""Who may import whom (DESIGN, "The house")."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "schemas": set(),
    "ledger": {"schemas"},
    "workers": {"ledger", "schemas"},
    "odoo_bridge": {"ledger", "schemas"},
    "ingest_api": {"ledger", "schemas"},
    "deploy": {"ingest_api", "ledger", "odoo_bridge", "schemas", "workers"},
}
ROOMS = {*MAY_IMPORT, "tests", "bench"}


def imported_rooms(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names & ROOMS


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_it_may(room: str) -> None:
    files = [p for p in (ROOT / room).rglob("*.py") if "addons" not in p.parts]
    assert files

    forbidden = {
        str(path.relative_to(ROOT)): sorted(found)
        for path in files
        if (found := imported_rooms(path) - MAY_IMPORT[room] - {room})
    }

    assert forbidden == {}


def test_the_test_sees_a_forbidden_import(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("def f():\n    from odoo_bridge.client import connect\n")

    assert imported_rooms(file) == {"odoo_bridge"}
