-- The way of frozen periods to Odoo's invoices: claim with a lease, call, mark.

-- name: take_turn
-- One claims at a time, so that a customer's bills are claimed together or not at all.
SELECT pg_try_advisory_xact_lock(%(lock_space)s, 0)

-- name: wake_refused
-- Something of a refused one was pushed again: that may have been what Odoo lacked.
UPDATE period_bill
   SET due_at = %(now)s
 WHERE status = 'due' AND attempts > 0 AND due_at > %(now)s
   AND (lease_until IS NULL OR lease_until <= %(now)s)
   AND tried_revisions <> pushed_revisions(subscription_id, period_start)

-- name: due_groups
-- What a customer, as of now, is to be billed for a period by one invoice.
SELECT d.service_id, d.customer_id, d.period_start, d.period_end
  FROM (SELECT k.due_at, b.service_id, b.customer_id, k.period_start, k.period_end
          FROM period_bill k
          JOIN subscription b ON b.id = k.subscription_id
         WHERE k.status = 'due' AND k.due_at <= %(now)s
         ORDER BY k.due_at
         LIMIT %(rows)s) AS d
 GROUP BY 1, 2, 3, 4
 ORDER BY min(d.due_at)
 LIMIT %(groups)s

-- name: group_bills
-- Each bill of the groups that is due or leased, with how far its rollups have come.
SELECT g.number, k.subscription_id, s.code, c.external_id, b.external_id, p.code,
       k.attempts, k.lease_until, k.waits_since, r.rollups, r.amount, r.unpushed, r.push_error
  FROM unnest(%(customer_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(period_ends)s::timestamptz[])
       WITH ORDINALITY AS g (customer_id, period_start, period_end, number)
  JOIN customer c ON c.id = g.customer_id
  JOIN service s ON s.id = c.service_id
  JOIN subscription b ON b.customer_id = g.customer_id
  JOIN period_bill k ON k.subscription_id = b.id AND k.period_start = g.period_start
                    AND k.period_end = g.period_end AND k.status = 'due'
  JOIN frozen_period f ON f.subscription_id = k.subscription_id
                      AND f.period_start = k.period_start
  JOIN plan p ON p.id = f.plan_id
 CROSS JOIN LATERAL (
     SELECT count(*) AS rollups, coalesce(sum(amount), 0) AS amount,
            count(*) FILTER (WHERE dirty) AS unpushed,
            min(push_error) FILTER (WHERE dirty) AS push_error
       FROM rollup
      WHERE subscription_id = k.subscription_id AND period_start = k.period_start
 ) AS r
 ORDER BY g.number, k.subscription_id

-- name: unfrozen_siblings
-- The customer's subscriptions that may still have the period before them.
SELECT g.number, b.external_id, t."interval", t.anchor, t.timezone, t.started_at,
       t.ended_at, t.frozen_until, t.changed_at, t.changed_to
  FROM unnest(%(customer_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(period_ends)s::timestamptz[])
       WITH ORDINALITY AS g (customer_id, period_start, period_end, number)
  JOIN subscription b ON b.customer_id = g.customer_id
  JOIN subscription_terms t ON t.id = b.id
 WHERE b.freeze_due_at IS NOT NULL AND b.started_at < g.period_end
   AND (b.frozen_until IS NULL OR b.frozen_until <= g.period_start)
 ORDER BY g.number, b.external_id

-- name: lease_bills
WITH given AS (
    SELECT * FROM unnest(%(subscription_ids)s::bigint[],
                         %(period_starts)s::timestamptz[])
        AS g (subscription_id, period_start)
)
UPDATE period_bill k
   SET lease_until = %(lease_until)s, due_at = %(lease_until)s,
       tried_revisions = pushed_revisions(k.subscription_id, k.period_start)
  FROM given g
 WHERE k.subscription_id = g.subscription_id AND k.period_start = g.period_start

-- name: set_waiting
-- Not one's own fault: no attempt. A lease of a call that may still run stays.
UPDATE period_bill k
   SET reason = g.reason, due_at = greatest(k.due_at, g.due_at),
       lease_until = CASE WHEN k.lease_until > %(now)s THEN k.lease_until END
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(reasons)s::text[], %(due_at)s::timestamptz[])
       AS g (subscription_id, period_start, reason, due_at)
 WHERE k.subscription_id = g.subscription_id AND k.period_start = g.period_start
   AND k.status = 'due'

-- name: mark_closed
-- A mark that comes after another one's changes nothing: Odoo said the same to both.
UPDATE period_bill k
   SET status = g.status, invoice_id = g.invoice_id, reason = NULL, lease_until = NULL,
       closed_at = %(now)s
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(statuses)s::text[], %(invoice_ids)s::integer[])
       AS g (subscription_id, period_start, status, invoice_id)
 WHERE k.subscription_id = g.subscription_id AND k.period_start = g.period_start
   AND k.status = 'due'

-- name: settle_dead_letters
DELETE FROM dead_letter WHERE kind = %(kind)s AND source_id = ANY(%(source_ids)s)

-- name: hold_bills
-- What a call was told to wait for.
UPDATE period_bill k
   SET reason = g.reason, due_at = g.due_at, lease_until = NULL
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(reasons)s::text[], %(due_at)s::timestamptz[])
       AS g (subscription_id, period_start, reason, due_at)
 WHERE k.subscription_id = g.subscription_id AND k.period_start = g.period_start
   AND k.status = 'due'

-- name: mark_refused
UPDATE period_bill k
   SET attempts = k.attempts + 1, reason = g.reason, due_at = g.due_at,
       lease_until = NULL
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(reasons)s::text[], %(due_at)s::timestamptz[])
       AS g (subscription_id, period_start, reason, due_at)
 WHERE k.subscription_id = g.subscription_id AND k.period_start = g.period_start
   AND k.status = 'due'

-- name: release_bills
-- The call as a whole failed, through no fault of theirs: the lease ends at once.
UPDATE period_bill k
   SET lease_until = NULL, due_at = %(now)s
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[])
       AS g (subscription_id, period_start)
 WHERE k.subscription_id = g.subscription_id AND k.period_start = g.period_start
   AND k.status = 'due' AND k.lease_until = %(lease_until)s

-- name: bill_again
-- What was billed on an invoice that a person has deleted, cancelled or cut. What some
-- line bills all the same, Odoo leaves out.
UPDATE period_bill k
   SET status = 'due', invoice_id = NULL, closed_at = NULL, reason = NULL,
       lease_until = NULL, attempts = 0, due_at = %(now)s, waits_since = %(now)s
  FROM subscription b
  JOIN service s ON s.id = b.service_id
 WHERE b.id = k.subscription_id AND s.code = %(service)s
   AND k.invoice_id = %(invoice_id)s
