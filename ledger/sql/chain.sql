-- name: unsealed
-- Frozen periods without a seal whose predecessor has one, with that one's.
SELECT f.subscription_id, f.period_start, f.period_end, f.plan_id, f.currency,
       f.frozen_at, before.seal
  FROM frozen_period f
  LEFT JOIN LATERAL (
      SELECT seal FROM frozen_period p
       WHERE p.subscription_id = f.subscription_id AND p.period_start < f.period_start
       ORDER BY p.period_start DESC LIMIT 1
  ) AS before ON true
 WHERE f.seal IS NULL
   AND (before.seal IS NOT NULL
        OR NOT EXISTS (SELECT FROM frozen_period p
                        WHERE p.subscription_id = f.subscription_id
                          AND p.period_start < f.period_start))
 ORDER BY f.subscription_id, f.period_start
 LIMIT %(limit)s

-- name: sealed
-- The chain of one subscription, oldest first.
SELECT period_start, period_end, plan_id, currency, frozen_at, counters_hash, seal,
       archived_at IS NOT NULL
  FROM frozen_period
 WHERE subscription_id = %(subscription_id)s AND seal IS NOT NULL
 ORDER BY period_start

-- name: bill_lines
SELECT m.code, r.usage_start, r.period_end, r.aggregation, r.quantity, r.base,
       r.counters, r.last_at, r.last_transaction_id, r.amount, r.rating
  FROM rollup r
  JOIN metric m ON m.id = r.metric_id
 WHERE r.subscription_id = %(subscription_id)s AND r.period_start = %(period_start)s
 ORDER BY m.code, r.usage_start

-- name: counter_digests
-- What came into the bill of the period, and what left it there: in a fixed order, as
-- lines of JSON, a SHA-256 for each so many of them. Properties stand last, where there
-- are any.
WITH line AS (
    SELECT row_number() OVER (ORDER BY m.code, c.transaction_id, c.batch_id,
                                       c.item_index) AS place,
           left(json_build_array(
               CASE WHEN c.entered = %(period_start)s THEN '+' ELSE '-' END,
               m.code, c.transaction_id,
               (extract(epoch FROM c.period_start) * 1000000)::bigint,
               (extract(epoch FROM c.occurred_at) * 1000000)::bigint,
               c.batch_id, c.item_index, trim_scale(c.value)::text, c.members
           )::text, -1) || coalesce(', ' || c.properties::text, '') || ']' AS text
      FROM counter_life c
      JOIN metric m ON m.id = c.metric_id
     WHERE c.subscription_id = %(subscription_id)s
       AND ((c.entered = %(period_start)s
             AND (c.left_in IS NULL OR c.left_in > %(period_start)s))
            OR (c.left_in = %(period_start)s AND c.entered < %(period_start)s))
)
SELECT sha256(convert_to(string_agg(text, E'\n' ORDER BY place), 'UTF8'))
  FROM line
 GROUP BY (place - 1) / %(lines_per_digest)s
 ORDER BY (place - 1) / %(lines_per_digest)s

-- name: set_seal
UPDATE frozen_period
   SET counters_hash = %(counters_hash)s, seal = %(seal)s
 WHERE subscription_id = %(subscription_id)s AND period_start = %(period_start)s
   AND seal IS NULL
