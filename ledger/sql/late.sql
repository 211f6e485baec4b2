-- name: begin_corrections
-- From the last rollup in which the usage's period was billed; a metric that it had none
-- of begins with nothing, in the fold itself. In key order, before any counter: who waits
-- here holds nothing yet that others wait for.
INSERT INTO rollup (subscription_id, metric_id, period_start, usage_start, period_end,
                    aggregation, quantity, base, counters, last_at,
                    last_transaction_id, updated_at, push_after)
SELECT l.subscription_id, l.metric_id, l.period_start, l.usage_start, l.period_end,
       b.aggregation, b.quantity, b.quantity, 0, b.last_at, b.last_transaction_id,
       %(now)s, %(now)s
  FROM unnest(%(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
              %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[],
              %(period_ends)s::timestamptz[])
       AS l (subscription_id, metric_id, period_start, usage_start, period_end)
 CROSS JOIN LATERAL (
     SELECT r.aggregation, r.quantity, r.last_at, r.last_transaction_id
       FROM rollup r
      WHERE r.subscription_id = l.subscription_id AND r.metric_id = l.metric_id
        AND r.usage_start = l.usage_start AND r.period_start < l.period_start
      ORDER BY r.period_start DESC
      LIMIT 1
 ) AS b
 ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING
RETURNING subscription_id, metric_id, period_start, usage_start

-- name: look_at_freeze_again
UPDATE subscription b
   SET freeze_due_at = %(now)s
  FROM (SELECT id FROM subscription
         WHERE id = ANY(%(subscription_ids)s) AND freeze_due_at IS NULL
         ORDER BY id
           FOR NO KEY UPDATE) AS l
 WHERE b.id = l.id

-- name: drop_idle_corrections
DELETE FROM rollup r
 USING unnest(%(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
              %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[])
       AS l (subscription_id, metric_id, period_start, usage_start)
 WHERE r.subscription_id = l.subscription_id AND r.metric_id = l.metric_id
   AND r.period_start = l.period_start AND r.usage_start = l.usage_start
   AND r.counters = 0
