"""Up to when what Odoo wrote is all there, and whether a pull may go on from the last.

Odoo's ``write_date`` is when the writing transaction began. Reading what has changed
"since the last pull" by it would miss a row whose transaction began before that pull
and committed after it. So each pull first asks, in a call of its own, for the horizon:
the start of the earliest transaction that is open in Odoo's database. All that began
before it have ended, hence every later call sees what they wrote; whatever such a call
cannot see yet, or passed a moment ago, carries a ``write_date`` of the horizon or
later, and the next pull takes it. The margin is for the moment in which a session has
taken its time and does not show it yet, and for code that stamps rows by the clock of
another machine.

The horizon of one database does not fall. Where it does, its clock was set back; where
the number of its next transaction falls, it is an older state of itself; where its
name, its tables, its server's timeline (a standby took over, which may lack the last
moments) or the companies that we are shown are others, it is another database. The last
pull says nothing about these: then all rows are pulled; and but for companies and
clocks, what was sent may be gone there, and is sent again (odoo_bridge/resending.py).
A step back of the clock by more than the margin that falls between two pulls, and is
made good before the second, is left to the next full pull; so are rows written by
sessions that Odoo's role is not shown, and by SQL that leaves ``write_date`` as it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ledger.pulling import Pull
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooMisconfiguredError
from odoo_bridge.pull_pages import MODEL

MARGIN: Final = timedelta(minutes=1)

_TEXTS: Final = ("horizon", "database", "incarnation", "transaction", "companies")


@dataclass(frozen=True)
class Horizon:
    """What ``read_horizon`` of the addon answers."""

    at: datetime
    database: str
    incarnation: str
    companies: str
    transaction: int

    @property
    def source(self) -> str:
        """Which rows of which database it is about."""
        return f"{self.database} {self.incarnation} {self.companies}"


@dataclass(frozen=True)
class Reason:
    """Why all rows are pulled. ``anew``: the last pull was of something else.

    ``lost``: what was sent to Odoo may be gone there.
    """

    text: str
    anew: bool = False
    lost: bool = False


def read_horizon(client: OdooClient) -> Horizon:
    """Ask Odoo. Raises OdooError; OdooMisconfiguredError on an answer of no sense."""
    answer = client.repeat(MODEL, "read_horizon")
    try:
        return _read(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise OdooMisconfiguredError(
            "read_horizon answered something else than a horizon; another version of "
            "the addon is installed in Odoo"
        ) from error


def why_full(
    last: Pull | None, horizon: Horizon, now: datetime, every: timedelta | None
) -> Reason | None:
    """Why a kind's rows have all to be pulled; None: what has changed will do.

    ``last`` was read before the horizon, which would else be the older one. ``every``:
    how often in any case; None: each time.
    """
    if last is None:
        return Reason("nothing was pulled yet")
    if last.source.split(" ")[0] != horizon.database:
        text = "another database answers at Odoo's URL"
        return Reason(text, anew=True, lost=True)
    if last.source.split(" ")[1] != horizon.incarnation:
        text = "Odoo's database was copied or restored, or a standby took over"
        return Reason(text, anew=True, lost=True)
    if horizon.transaction < last.odoo_transaction:
        text = "an older state of Odoo's database was restored"
        return Reason(text, anew=True, lost=True)
    if last.source != horizon.source:
        return Reason("Odoo shows other companies", anew=True)
    if horizon.at < last.watermark + MARGIN:
        return Reason("the clock of Odoo's database was set back", anew=True)
    if every is None:
        return Reason("asked for")
    if last.full_at is None or not timedelta(0) <= now - last.full_at < every:
        return Reason("due")
    return None


def _read(answer: Any) -> Horizon:
    if not isinstance(answer, Mapping):
        raise TypeError(type(answer).__name__)
    texts = {name: answer[name] for name in _TEXTS}
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("not all are texts")
    text, transaction = texts.pop("horizon"), int(texts.pop("transaction"))
    at = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return Horizon(at, transaction=transaction, **texts)
