"""What the bridge needs of Odoo: the version, the addon's, and the methods it calls."""

from typing import Final

SERVICE: Final = "fusion.billing.service"
USAGE: Final = "fusion.billing.usage"
EVENT: Final = "fusion.billing.webhook"
FINDING: Final = "fusion.billing.reconciliation"

ADDON: Final = "fusion_centralize_billing"
ODOO_SERIES: Final = "19.0"
OLDEST_ADDON: Final = (1, 1)
FIRST_WITH_PARTS: Final = (1, 2)
"""It knows filters, groups, thresholds and the archive; one before drops them."""
NEWEST_ADDON: Final = (1, 99)
"""Major and minor, after the series: another major one has another contract."""

CALLED: Final = (
    (SERVICE, "apply_catalog"),
    (SERVICE, "bridge_check"),
    (SERVICE, "export_catalog"),
    (SERVICE, "invoice_pdf"),
    (SERVICE, "read_horizon"),
    (USAGE, "close_period"),
    (USAGE, "export_usage"),
    (USAGE, "find_usage"),
    (USAGE, "upsert_rollups"),
    (EVENT, "fetch_events"),
    (EVENT, "mark_events"),
    (FINDING, "resolve_findings"),
    (FINDING, "store_findings"),
)
"""Every method of the addon that the bridge calls; a test finds one that is missing."""


def lacks_parts(version: str) -> str | None:
    """Why an addon of that version cannot have the later terms; None: it can."""
    found = _numbers(version)
    if found is not None and found >= FIRST_WITH_PARTS:
        return None
    return (
        f"the addon {version} does not know filters, groups, thresholds and archived "
        f"plans, and would drop them; upgrade {ADDON} in Odoo to "
        f"{_shown(FIRST_WITH_PARTS)}"
    )


def judge_addon(version: str) -> str | None:
    """What is wrong with an addon of that version, None when the bridge knows it.

    ``version``: as in its manifest, ``19.0.1.1.0``.
    """
    found = _numbers(version)
    if found is None:
        return f"the addon is of version {version}, and not for Odoo {ODOO_SERIES}"
    if found < OLDEST_ADDON:
        return (
            f"the addon {version} is older than this bridge, which needs "
            f"{_shown(OLDEST_ADDON)}; upgrade {ADDON} in Odoo"
        )
    if found > NEWEST_ADDON:
        return (
            f"the addon {version} is newer than this bridge, which knows "
            f"{_shown(NEWEST_ADDON[:1])}.x; upgrade the bridge"
        )
    return None


def _numbers(version: str) -> tuple[int, int] | None:
    series, _, rest = version.removeprefix(f"{ODOO_SERIES}.").partition(".")
    if not version.startswith(f"{ODOO_SERIES}.") or not series.isdigit():
        return None
    minor = rest.partition(".")[0]
    return int(series), int(minor) if minor.isdigit() else 0


def _shown(numbers: tuple[int, ...]) -> str:
    return ".".join([ODOO_SERIES, *map(str, numbers)])
