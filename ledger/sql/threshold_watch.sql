-- Noting that a period's usage or prices have changed, where anybody asks for it.

-- name: has_thresholds
SELECT EXISTS (SELECT FROM plan
                WHERE service_id = %(service_id)s AND usage_thresholds <> '[]')

-- name: watch_usage
-- Of these periods those of a subscription that has, or had, a plan with thresholds.
INSERT INTO threshold_watch (subscription_id, period_start)
SELECT k.subscription_id, k.period_start
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[])
       AS k (subscription_id, period_start)
 WHERE EXISTS (SELECT FROM plan_history h
                 JOIN plan p ON p.id = h.plan_id
                WHERE h.subscription_id = k.subscription_id
                  AND p.usage_thresholds <> '[]')

-- name: watch_subscription
-- All its periods that are not frozen.
INSERT INTO threshold_watch (subscription_id, period_start)
SELECT DISTINCT r.subscription_id, r.period_start
  FROM rollup r
 WHERE r.subscription_id = %(subscription_id)s AND r.frozen_at IS NULL
   AND EXISTS (SELECT FROM plan_history h
                 JOIN plan p ON p.id = h.plan_id
                WHERE h.subscription_id = r.subscription_id
                  AND p.usage_thresholds <> '[]')

-- name: watch_plan
SELECT watch_plan(%(plan_id)s)

-- name: watch_metric
-- The plans of its service: a charge of any may be rated by it.
SELECT watch_plan(p.id)
  FROM metric m
  JOIN plan p ON p.service_id = m.service_id
 WHERE m.id = %(metric_id)s AND p.usage_thresholds <> '[]'
