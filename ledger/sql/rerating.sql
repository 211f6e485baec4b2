-- What makes rollups go out again, rated by new terms.

-- name: exclude_folds
SELECT pg_advisory_xact_lock(%(lock_space)s, %(service_id)s)

-- name: rerate
-- Of a plan, of a subscription, or of a service; of one metric, or NULL: of all. Rows are
-- locked in the order in which a fold and the push lock them. A row that waits already
-- keeps its place.
WITH running AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start
      FROM subscription b
      JOIN rollup r ON r.subscription_id = b.id
     WHERE (b.plan_id = %(plan_id)s::integer OR b.id = %(subscription_id)s::bigint
            OR b.service_id = %(service_id)s::integer)
       AND r.metric_id = coalesce(%(metric_id)s::integer, r.metric_id)
       AND r.period_end > now()
     ORDER BY r.subscription_id, r.metric_id, r.period_start
       FOR NO KEY UPDATE OF r
)
UPDATE rollup r
   SET revision = r.revision + 1, updated_at = now(),
       push_after = CASE WHEN r.revision = r.pushed_revision
                         THEN now() ELSE r.push_after END
  FROM running u
 WHERE r.subscription_id = u.subscription_id AND r.metric_id = u.metric_id
   AND r.period_start = u.period_start
