-- name: corrections
-- What is billed in each period for earlier ones, that were frozen when it came.
SELECT r.period_start, r.usage_start, f.period_end, m.id, m.public_id, m.code, m.name,
       r.aggregation, r.counters, f.currency, r.rating, r.quantity,
       prior_rating(r.subscription_id, r.metric_id, r.usage_start, r.period_start)
  FROM rollup r
  JOIN metric m ON m.id = r.metric_id
  JOIN frozen_period f ON f.subscription_id = r.subscription_id
                      AND f.period_start = r.usage_start
 WHERE r.subscription_id = %(subscription_id)s
   AND r.period_start = ANY(%(period_starts)s::timestamptz[])
   AND r.usage_start < r.period_start
 ORDER BY r.period_start, m.code, r.usage_start
