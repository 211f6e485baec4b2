"""What is wrong in Odoo, by what bridge_check answered."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.odoo_check import describe_expiry
from odoo_bridge.called import CALLED, judge_addon
from odoo_bridge.check_report import Report, judge_answer
from odoo_bridge.embedded.addon_check import ADDON_VERSION
from tests.bridge_world import settings_for

ROOT = Path(__file__).parents[2]
ADDON = ROOT / "odoo_bridge/addons/fusion_centralize_billing"
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def judge(**changed: Any) -> Report:
    """The report of an answer that is well but for what is changed."""
    answer = {
        "odoo": "19.0",
        "edition": "Community",
        "addon": {"code": "19.0.1.1.0", "database": "19.0.1.1.0"},
        "user": "fusion-bridge",
        "company": "NexaSystems",
        "missing_groups": [],
        "missing_rights": [],
        "missing_methods": [],
        "modules": {},
        "key": {"known": True, "expires_at": "2027-06-15 12:00:00"},
        "now": "2026-06-15 12:00:00",
        **changed,
    }
    return judge_answer(settings_for("http://odoo"), "there", answer, NOW, NOW)


def test_a_well_answer_has_no_line() -> None:
    report = judge()

    assert (report.problems, report.warnings, report.problem) == ((), (), None)
    assert report.found is not None
    assert report.found.odoo == "19.0 Community"
    assert report.seen is not None
    assert report.seen.key_expires_at == datetime(2027, 6, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"missing_groups": ["Billing Bridge"]}, "not in the group Billing Bridge"),
        ({"missing_rights": ["write on x"]}, "may not write on x"),
        ({"missing_methods": ["a.b.c", "a.d"]}, "has no a.b.c, a.d"),
        ({"addon": {"code": "19.0.1.0.0", "database": "19.0.1.0.0"}}, "is older"),
        ({"addon": {"code": "19.0.2.0.0", "database": "19.0.2.0.0"}}, "is newer"),
        ({"addon": {"code": "19.0.1.2.0", "database": "19.0.1.1.0"}}, "upgrade"),
        ({"addon": {"code": "18.0.1.2.0", "database": ""}}, "not for Odoo 19.0"),
        (
            {"key": {"known": True, "expires_at": "2026-06-15 11:00:00"}},
            "expired 2026-06-15 11:00 UTC, 1 hour ago",
        ),
        ({"key": None}, "another form"),
        ({"modules": []}, "another form"),
        ({"now": "soon"}, "another form"),
    ],
)
def test_what_holds_the_bridge_up_is_one_line(
    changed: dict[str, Any], words: str
) -> None:
    (problem,) = judge(**changed).problems

    assert words in problem
    assert "\n" not in problem


@pytest.mark.parametrize("answer", [None, [], "", {}, 7, {"missing_groups": 7}])
def test_any_other_answer_is_one_line(answer: Any) -> None:
    report = judge_answer(settings_for("http://odoo"), "there", answer, NOW, NOW)

    assert len(report.problems) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"key": {"known": True, "expires_at": "2026-06-29 12:00:00"}},
            "expires 2026-06-29 12:00 UTC, in 14 days",
        ),
        ({"key": {"known": False, "expires_at": False}}, "no API key of user"),
        ({"user": "admin"}, "user admin, not of fusion-bridge"),
        ({"now": "2026-06-15 12:00:31"}, "31 s ahead of"),
        ({"now": "2026-06-15 11:59:00"}, "60 s behind"),
        (
            {
                "modules": {
                    "sale_subscription": "installed",
                    "fusion_centralize_billing_subscription": "uninstalled",
                }
            },
            "fusion_centralize_billing_subscription is not",
        ),
    ],
)
def test_what_does_not_hold_it_up_yet_is_a_warning(
    changed: dict[str, Any], words: str
) -> None:
    report = judge(**changed)

    assert report.problems == ()
    (warning,) = report.warnings
    assert words in warning


@pytest.mark.parametrize(
    "changed",
    [
        {"key": {"known": True, "expires_at": False}},
        {"key": {"known": True, "expires_at": "2026-06-29 12:00:01"}},
        {"now": "2026-06-15 12:00:30"},
        {"modules": {"sale_subscription": "uninstallable"}},
    ],
)
def test_what_is_still_well_is_no_warning(changed: dict[str, Any]) -> None:
    assert judge(**changed).warnings == ()


@pytest.mark.parametrize(
    "version", ["", "19.0", "19.0.", "19.0.x", "False", "19.01.1", "20.0.1.1.0"]
)
def test_a_version_that_is_none_is_told(version: str) -> None:
    assert judge_addon(version) is not None


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(days=9, hours=5), "expires 2026-06-24 17:00 UTC, in 9 days"),
        (timedelta(hours=47, minutes=59), "expires 2026-06-17 11:59 UTC, in 47 hours"),
        (timedelta(minutes=1), "expires 2026-06-15 12:01 UTC, in 0 hours"),
        (timedelta(), "expired 2026-06-15 12:00 UTC, 0 hours ago"),
        (timedelta(days=-3), "expired 2026-06-12 12:00 UTC, 3 days ago"),
    ],
)
def test_an_expiry_is_shown_with_what_is_left(left: timedelta, text: str) -> None:
    assert describe_expiry(NOW + left, NOW) == text


def test_this_bridge_knows_its_own_addon_and_the_stand_in_answers_as_it() -> None:
    manifest = ast.literal_eval((ADDON / "__manifest__.py").read_text())

    assert judge_addon(manifest["version"]) is None
    assert manifest["version"] == ADDON_VERSION


def test_every_method_that_the_bridge_calls_is_asked_for() -> None:
    public = {
        node.name
        for path in (ADDON / "models").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and any(ast.unparse(each) == "api.model" for each in node.decorator_list)
    }
    named = {
        node.value
        for path in (ROOT / "odoo_bridge").glob("*.py")
        if path.name != "called.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert {method for _, method in CALLED} == public & named
