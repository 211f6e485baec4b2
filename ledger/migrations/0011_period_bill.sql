-- What became of each frozen period at Odoo: one row, made in the transaction that
-- freezes it.

-- status: due, until Odoo has said for good. shadow: the service was in shadow when the
-- period froze. It stays so: whoever billed before the switch to live has billed that
-- period, and a switch must not charge a customer a second time. Odoo's words for the
-- others: created, updated and unchanged name its invoice, empty had nothing to pay.
-- due_at is when it is looked at next, lease_until the end of the claim of a call that
-- may be running. reason: why it waits, since waits_since. attempts: how often Odoo has
-- refused it. tried_revisions: what Odoo had of its rollups at the last try.
CREATE TABLE period_bill (
    subscription_id bigint      NOT NULL REFERENCES subscription,
    period_start    timestamptz NOT NULL,
    period_end      timestamptz NOT NULL CHECK (period_end > period_start),
    status          text        NOT NULL CHECK (status IN
                    ('due', 'shadow', 'created', 'updated', 'unchanged', 'empty')),
    invoice_id      integer,
    reason          text,
    attempts        integer     NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL,
    lease_until     timestamptz,
    waits_since     timestamptz NOT NULL,
    tried_revisions numeric,
    closed_at       timestamptz,
    PRIMARY KEY (subscription_id, period_start),
    CHECK ((invoice_id IS NOT NULL) = (status IN ('created', 'updated', 'unchanged'))),
    CHECK ((closed_at IS NULL) = (status IN ('due', 'shadow')))
) WITH (fillfactor = 70);
CREATE INDEX period_bill_due ON period_bill (due_at) WHERE status = 'due';
CREATE INDEX period_bill_refused ON period_bill (due_at)
    WHERE status = 'due' AND attempts > 0;

-- Whether the service was in shadow when these froze is not known any more, and nothing
-- billed them by itself: they are left to a person.
INSERT INTO period_bill (subscription_id, period_start, period_end, status, reason,
                         due_at, waits_since)
SELECT subscription_id, period_start, period_end, 'shadow',
       'frozen before bills were made: where the service was live, bill it by hand',
       frozen_at, frozen_at
  FROM frozen_period;

-- What Odoo has of a period's rollups; it rises with each push of one.
CREATE FUNCTION pushed_revisions(subscription bigint, period timestamptz)
RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(pushed_revision), 0) FROM rollup
     WHERE subscription_id = subscription AND period_start = period
$$;
