-- What makes rollups go out again at a new price: those that are not frozen, nor in
-- grace. Rows are locked in the order in which a fold and the push lock them. A row that
-- waits already keeps its place.

-- name: exclude_folds
SELECT pg_advisory_xact_lock(%(lock_space)s, %(service_id)s)

-- name: rerate_plan
-- Of all subscriptions that have the plan in the period.
WITH running AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start
      FROM rollup r
     WHERE r.subscription_id IN (SELECT subscription_id FROM plan_history
                                  WHERE plan_id = %(plan_id)s)
       AND r.period_end > now() AND r.usage_start = r.period_start
       AND plan_at(r.subscription_id, r.usage_start) = %(plan_id)s
     ORDER BY r.subscription_id, r.metric_id, r.period_start
       FOR NO KEY UPDATE OF r
)
UPDATE rollup r
   SET revision = r.revision + 1, updated_at = now(),
       push_after = CASE WHEN r.revision = r.pushed_revision
                         THEN now() ELSE r.push_after END
  FROM running u
 WHERE r.subscription_id = u.subscription_id AND r.metric_id = u.metric_id
   AND r.period_start = u.period_start AND r.usage_start = u.usage_start

-- name: rerate_metric
-- Of all subscriptions of the metric's service.
WITH running AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start
      FROM metric m
      JOIN subscription b ON b.service_id = m.service_id
      JOIN rollup r ON r.subscription_id = b.id AND r.metric_id = m.id
     WHERE m.id = %(metric_id)s
       AND r.period_end > now() AND r.usage_start = r.period_start
     ORDER BY r.subscription_id, r.metric_id, r.period_start
       FOR NO KEY UPDATE OF r
)
UPDATE rollup r
   SET revision = r.revision + 1, updated_at = now(),
       push_after = CASE WHEN r.revision = r.pushed_revision
                         THEN now() ELSE r.push_after END
  FROM running u
 WHERE r.subscription_id = u.subscription_id AND r.metric_id = u.metric_id
   AND r.period_start = u.period_start AND r.usage_start = u.usage_start

-- name: rerate_subscription
-- One subscription's open periods from the beginning of its plan on: one that begins
-- with a period moves no counter, and is another price all the same.
WITH running AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start
      FROM subscription b
      JOIN service s ON s.id = b.service_id
      JOIN rollup r ON r.subscription_id = b.id
     WHERE s.code = %(service)s AND b.external_id = %(external_id)s
       AND r.usage_start = r.period_start
       AND r.period_start >= coalesce(b.frozen_until, '-infinity')
       AND r.period_start >= (SELECT max(h.effective_at) FROM plan_history h
                               WHERE h.subscription_id = b.id)
     ORDER BY r.subscription_id, r.metric_id, r.period_start
       FOR NO KEY UPDATE OF r
)
UPDATE rollup r
   SET revision = r.revision + 1, updated_at = now(),
       push_after = CASE WHEN r.revision = r.pushed_revision
                         THEN now() ELSE r.push_after END
  FROM running u
 WHERE r.subscription_id = u.subscription_id AND r.metric_id = u.metric_id
   AND r.period_start = u.period_start AND r.usage_start = u.usage_start
