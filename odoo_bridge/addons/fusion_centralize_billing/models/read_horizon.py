"""``fusion.billing.service.read_horizon``: up to when what was written is all there."""

from odoo import api, models
from psycopg2 import errors

from .queries import load_queries
from .rows import DATETIME_FORMAT


class Service(models.Model):
    """What the bridge asks before it takes what has changed."""

    _inherit = "fusion.billing.service"

    @api.model
    def read_horizon(self):
        """The start of the earliest transaction that is still open, or now.

        ``write_date`` is the start of the writing transaction, and a row can be read
        when that one has committed: a row that is seen late carries an early date. But
        every transaction that began before the horizon has ended, so a call that begins
        after this one has answered sees all that they wrote. What it cannot see yet
        carries a ``write_date`` of the horizon or later.

        Two limits: PostgreSQL shows a session's start a moment after it has taken its
        time, so the caller leaves a margin; and it shows Odoo's role only that role's
        sessions, unless it has ``pg_read_all_stats``.

        Answers ``{"horizon", "database", "incarnation", "transaction", "companies"}``,
        all text. Of one database the horizon and the number of its next transaction do
        not fall, unless its clock is set back or an older state of it is restored. A
        copy, or the addon installed anew, has another incarnation, and so has a standby
        that has taken over, where the server says so. ``companies`` are
        those whose rows the caller is shown. Raises AccessError for a user who is not
        the bridge.
        """
        env = self._as_bridge().env
        env.cr.execute(load_queries("horizon")["read_horizon"])
        row = env.cr.dictfetchone()
        timeline = _read_timeline(env)
        return {
            **row,
            "incarnation": f"{row['incarnation']}.{timeline}",
            "horizon": row["horizon"].strftime(DATETIME_FORMAT),
            "database": row["database"] or "",
            "companies": ",".join(str(key) for key in sorted(env.companies.ids)),
        }


def _read_timeline(env):
    """The server's timeline; no text from one that does not tell it."""
    try:
        with env.cr.savepoint(flush=False):
            env.cr.execute(
                load_queries("horizon")["read_timeline"], log_exceptions=False
            )
            return env.cr.fetchone()[0]
    except (errors.InsufficientPrivilege, errors.FeatureNotSupported):
        return ""
