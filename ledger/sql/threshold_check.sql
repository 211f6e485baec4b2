-- name: take_watched
-- The oldest notes, and away with them; they come back if the transaction fails.
DELETE FROM threshold_watch
 WHERE id IN (SELECT id FROM threshold_watch
               ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING subscription_id, period_start

-- name: thresholds_of_periods
-- The thresholds of the plan of each period, where it has any.
SELECT k.subscription_id, b.service_id, s.mode = 'live', b.external_id,
       p.usage_thresholds
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[])
       AS k (subscription_id, period_start)
  JOIN subscription b ON b.id = k.subscription_id
  JOIN service s ON s.id = b.service_id
  JOIN plan p ON p.id = plan_at(k.subscription_id, k.period_start)
 WHERE p.usage_thresholds <> '[]'

-- name: thresholds
SELECT usage_thresholds FROM plan WHERE id = %(plan_id)s

-- name: highest_reached
SELECT k.subscription_id, r.threshold_id, max(r.level)
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[])
       AS k (subscription_id, period_start)
  JOIN threshold_reached r USING (subscription_id, period_start)
 GROUP BY k.subscription_id, r.threshold_id

-- name: reached_in
SELECT threshold_id, level, reached_at
  FROM threshold_reached
 WHERE subscription_id = %(subscription_id)s AND period_start = %(period_start)s

-- name: mark_reached
-- Answers what was not marked before. In the order of the key, so that two that mark the
-- same wait for each other and never in a circle.
INSERT INTO threshold_reached (subscription_id, period_start, threshold_id, level,
                               usage_amount, told, reached_at)
SELECT m.subscription_id, m.period_start, m.threshold_id, m.level, m.usage_amount,
       m.told, %(now)s
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(threshold_ids)s::text[], %(levels)s::numeric[],
              %(usage_amounts)s::numeric[], %(told)s::boolean[])
       AS m (subscription_id, period_start, threshold_id, level, usage_amount, told)
 ORDER BY m.subscription_id, m.period_start, m.threshold_id, m.level
ON CONFLICT DO NOTHING
RETURNING subscription_id, threshold_id, level
