"""What bridge_check answers, over both protocols."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from odoo_bridge.client import connect
from tests.bridge_world import PROTOCOLS, target_settings
from tests.contract.addon_world import SERVICE
from tests.contract.odoo_target import OdooTarget


def check(addon: OdooTarget, protocol: str, **named: Any) -> dict[str, Any]:
    """One call of it."""
    with connect(target_settings(addon, protocol)) as client:
        answer: dict[str, Any] = client.call(SERVICE, "bridge_check", **named)
        return answer


def instant(text: str) -> datetime:
    """One of Odoo's, in UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_says_what_is_there(addon: OdooTarget, protocol: str) -> None:
    answer = check(addon, protocol)

    assert set(answer) == {
        "odoo",
        "edition",
        "addon",
        "user",
        "company",
        "missing_groups",
        "missing_rights",
        "missing_methods",
        "modules",
        "key",
        "now",
    }
    assert answer["odoo"] == "19.0"
    assert answer["edition"] in ("Community", "Enterprise")
    assert set(answer["addon"]) == {"code", "database"}
    assert answer["addon"]["code"] == answer["addon"]["database"]
    assert answer["addon"]["code"].startswith("19.0.")
    assert answer["user"] == addon.login
    assert answer["missing_groups"] == answer["missing_rights"] == []
    assert set(answer["modules"]) == {
        "sale_subscription",
        "fusion_centralize_billing_subscription",
    }
    assert abs(instant(answer["now"]) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_knows_the_callers_key_by_its_start(
    addon: OdooTarget, protocol: str
) -> None:
    known = check(addon, protocol, key_start=addon.api_key[:8])["key"]
    unknown = check(addon, protocol, key_start="0" * 8)["key"]

    assert known["known"] is True
    assert known["expires_at"] is False or instant(known["expires_at"])
    assert unknown == {"known": False, "expires_at": False}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_names_the_methods_that_are_missing(
    addon: OdooTarget, protocol: str
) -> None:
    called = [
        [SERVICE, "apply_catalog"],
        ["fusion.billing.usage", "upsert_rollups"],
        ["fusion.billing.usage", "no_such"],
        ["no.such.model", "read"],
    ]
    answer = check(addon, protocol, methods=called)

    assert answer["missing_methods"] == [
        "fusion.billing.usage.no_such",
        "no.such.model.read",
    ]
