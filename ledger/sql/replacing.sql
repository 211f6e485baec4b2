-- name: exclude_folds
-- Held to the end of the transaction: waits for the folds of the service that run, and
-- keeps new ones waiting.
SELECT pg_advisory_xact_lock(%(lock_space)s, %(service_id)s)

-- name: terms_of
-- Of one subscription, or of all that have a plan.
SELECT b.id, p."interval", b.anchor, b.timezone, b.started_at, b.ended_at
  FROM subscription b
  JOIN plan p ON p.id = b.plan_id
  JOIN service s ON s.id = b.service_id
 WHERE s.code = %(service)s
   AND (b.external_id = %(subscription)s OR p.code = %(plan)s)
 ORDER BY b.id

-- name: span
SELECT min(occurred_at), max(occurred_at)
  FROM counter
 WHERE subscription_id = %(subscription_id)s

-- name: move_counters
UPDATE counter c
   SET period_start = p.period_start
  FROM unnest(%(period_starts)s::timestamptz[], %(period_ends)s::timestamptz[])
       AS p (period_start, period_end)
 WHERE c.subscription_id = %(subscription_id)s
   AND c.occurred_at >= p.period_start AND c.occurred_at < p.period_end
   AND c.period_start <> p.period_start

-- name: forget_members
DELETE FROM unique_member WHERE subscription_id = %(subscription_id)s

-- name: collect_members
INSERT INTO unique_member (subscription_id, metric_id, period_start, member)
SELECT DISTINCT c.subscription_id, c.metric_id, c.period_start, u.member COLLATE "C"
  FROM counter c
 CROSS JOIN unnest(c.members) AS u (member)
 WHERE c.subscription_id = %(subscription_id)s AND c.members IS NOT NULL

-- name: refold_rollups
-- Every rollup of the subscription from its counters; a changed one gets a revision.
WITH folded AS (
    SELECT c.subscription_id, c.metric_id, c.period_start, m.aggregation,
           count(*) AS counters, sum(c.value) AS total, max(c.value) AS greatest,
           (array_agg(c.value ORDER BY c.occurred_at DESC, c.transaction_id DESC))[1]
               AS latest,
           max(c.occurred_at) AS last_at,
           (array_agg(c.transaction_id
                      ORDER BY c.occurred_at DESC, c.transaction_id DESC))[1]
               AS last_transaction_id
      FROM counter c
      JOIN metric m ON m.id = c.metric_id
     WHERE c.subscription_id = %(subscription_id)s
     GROUP BY c.subscription_id, c.metric_id, c.period_start, m.aggregation
),
members AS (
    SELECT metric_id, period_start, count(*) AS members
      FROM unique_member
     WHERE subscription_id = %(subscription_id)s
     GROUP BY metric_id, period_start
),
period AS (
    SELECT * FROM unnest(%(period_starts)s::timestamptz[],
                         %(period_ends)s::timestamptz[])
               AS p (period_start, period_end)
)
INSERT INTO rollup AS r (subscription_id, metric_id, period_start, period_end,
                         aggregation, quantity, counters, last_at,
                         last_transaction_id, updated_at, push_after)
SELECT f.subscription_id, f.metric_id, f.period_start,
       coalesce(p.period_end, s.period_end), f.aggregation,
       CASE f.aggregation
           WHEN 'sum' THEN f.total
           WHEN 'max' THEN f.greatest
           WHEN 'last' THEN f.latest
           ELSE coalesce(n.members, 0)
       END,
       f.counters, f.last_at, f.last_transaction_id, now(), now()
  FROM folded f
  LEFT JOIN members n USING (metric_id, period_start)
  LEFT JOIN period p USING (period_start)
  LEFT JOIN rollup s USING (subscription_id, metric_id, period_start)
 ORDER BY f.metric_id, f.period_start
ON CONFLICT (subscription_id, metric_id, period_start) DO UPDATE
   SET period_end = excluded.period_end, aggregation = excluded.aggregation,
       quantity = excluded.quantity, counters = excluded.counters,
       last_at = excluded.last_at,
       last_transaction_id = excluded.last_transaction_id,
       revision = r.revision + 1, updated_at = excluded.updated_at,
       push_after = excluded.push_after
 WHERE (r.period_end, r.aggregation, r.quantity, r.counters, r.last_at,
        r.last_transaction_id) IS DISTINCT FROM
       (excluded.period_end, excluded.aggregation, excluded.quantity,
        excluded.counters, excluded.last_at, excluded.last_transaction_id)

-- name: empty_rollups
-- Periods that hold no counter any more stay, at nothing, so that Odoo hears of it.
UPDATE rollup r
   SET quantity = 0, counters = 0, revision = r.revision + 1, updated_at = now(),
       push_after = now()
 WHERE r.subscription_id = %(subscription_id)s AND r.counters > 0
   AND NOT EXISTS (
       SELECT FROM counter c
        WHERE c.subscription_id = r.subscription_id AND c.metric_id = r.metric_id
          AND c.period_start = r.period_start)
