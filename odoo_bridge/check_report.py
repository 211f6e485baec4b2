"""What a check of Odoo has found, and what is wrong with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ledger.odoo_check import Seen, describe_expiry, expires_soon
from odoo_bridge.called import ADDON, judge_addon
from odoo_bridge.faults import one_line
from schemas.settings import Settings

MAX_CLOCK_DIFFERENCE: Final = timedelta(seconds=30)
NEW_KEY: Final = (
    "make a new one for the bridge's user in Odoo, for ODOO_API_KEY or the file that "
    "ODOO_API_KEY_FILE names"
)


@dataclass(frozen=True)
class Found:
    """What Odoo said. ``modules``: state by name, "" for what is not there at all.

    ``clock_difference``: how far Odoo's clock is ahead, to about a second.
    """

    odoo: str
    addon: str
    user: str
    company: str
    modules: Mapping[str, str]
    key_known: bool
    key_expires_at: datetime | None
    clock_difference: timedelta


@dataclass(frozen=True)
class Report:
    """``problems`` hold the bridge up, ``warnings`` do not yet; a line each.

    ``passes``: the problem may end by itself. ``found`` is None where Odoo was silent.
    """

    where: str
    found: Found | None
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    passes: bool = False

    @property
    def problem(self) -> str | None:
        """All problems as one line, None when there is none."""
        return one_line("; ".join(self.problems)) or None

    @property
    def seen(self) -> Seen | None:
        """What of it the ledger keeps."""
        if self.found is None:
            return None
        return Seen(self.found.odoo, self.found.addon, self.found.key_expires_at)


def judge_answer(
    settings: Settings, where: str, answer: Any, middle: datetime, now: datetime
) -> Report:
    """The report of what bridge_check answered; ``middle`` is when Odoo did, about."""
    try:
        if groups := answer["missing_groups"]:
            problem = (
                f"the bridge's user is not in the group {', '.join(groups)}; add it to "
                "that user in Odoo, and to no other group"
            )
            return Report(where, None, (problem,), ())
        found = _read(answer, middle)
        problems = tuple(_find_problems(answer, found, now))
    except (KeyError, TypeError, ValueError, AttributeError):
        problem = f"bridge_check answered in another form; upgrade {ADDON} in Odoo"
        return Report(where, None, (problem,), ())
    return Report(where, found, problems, tuple(_find_warnings(settings, found, now)))


def _read(answer: Any, middle: datetime) -> Found:
    expires_at = answer["key"]["expires_at"]
    return Found(
        odoo=one_line(f"{answer['odoo']} {answer['edition']}"),
        addon=one_line(str(answer["addon"]["code"])),
        user=one_line(str(answer["user"])),
        company=one_line(str(answer["company"])),
        modules={name: state or "" for name, state in answer["modules"].items()},
        key_known=bool(answer["key"]["known"]),
        key_expires_at=_instant(expires_at) if expires_at else None,
        clock_difference=_instant(answer["now"]) - middle,
    )


def _find_problems(answer: Any, found: Found, now: datetime) -> Iterator[str]:
    code, database = answer["addon"]["code"], answer["addon"]["database"]
    if (wrong := judge_addon(found.addon)) is not None:
        yield wrong
    elif code != database:
        yield (
            f"the addon's code is {code}, its database is of {database}; upgrade "
            f"{ADDON} in Odoo"
        )
    if methods := answer["missing_methods"]:
        yield f"the addon has no {', '.join(methods)}; upgrade {ADDON} in Odoo"
    if rights := answer["missing_rights"]:
        yield (
            f"user {found.user} may not {', '.join(rights)}; upgrade {ADDON} in Odoo, "
            "which gives the group Billing Bridge its rights back"
        )
    if found.key_expires_at is not None and found.key_expires_at <= now:
        # Over XML-RPC, where Odoo goes on taking it until it restarts.
        expired = describe_expiry(found.key_expires_at, now)
        yield f"the API key of user {found.user} {expired}; {NEW_KEY}"


def _find_warnings(settings: Settings, found: Found, now: datetime) -> Iterator[str]:
    if not found.key_known:
        yield (
            f"ODOO_API_KEY is no API key of user {found.user}: a password, or a key "
            f"that was revoked; {NEW_KEY}"
        )
    ends = found.key_expires_at
    if ends is not None and ends > now and expires_soon(ends, now):
        soon = describe_expiry(ends, now)
        yield f"the API key of user {found.user} {soon}; {NEW_KEY}"
    if found.user != settings.odoo_login:
        yield f"the key is that of user {found.user}, not of {settings.odoo_login}"
    if abs(found.clock_difference) > MAX_CLOCK_DIFFERENCE:
        seconds = abs(found.clock_difference) // timedelta(seconds=1)
        ahead = "ahead of" if found.clock_difference > timedelta() else "behind"
        yield f"Odoo's clock is {seconds} s {ahead} the ledger's; set both by NTP"
    glue = f"{ADDON}_subscription"
    if found.modules.get("sale_subscription") == "installed" != found.modules.get(glue):
        yield (
            f"sale_subscription is installed, {glue} is not: usage does not come on "
            "subscriptions' own invoices; install it in Odoo"
        )


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
