-- name: terms_of
-- Of one subscription, or of all that have a plan in any part of their life.
WITH wanted AS (
    SELECT b.id
      FROM service s
      JOIN subscription b ON b.service_id = s.id
     WHERE s.code = %(service)s AND b.external_id = %(subscription)s
     UNION
    SELECT h.subscription_id
      FROM service s
      JOIN plan p ON p.service_id = s.id
      JOIN plan_history h ON h.plan_id = p.id
     WHERE s.code = %(service)s AND p.code = %(plan)s
)
SELECT t.id, t."interval", t.anchor, t.timezone, t.started_at, t.ended_at,
       t.frozen_until, t.changed_at, t.changed_to
  FROM wanted w
  JOIN subscription_terms t ON t.id = w.id
 ORDER BY t.id

-- name: frozen_periods
-- With how each metric was aggregated in them, and whether their counters are archived.
SELECT f.subscription_id, f.period_start, f.period_end,
       coalesce(r.metric_ids, '{}'), coalesce(r.aggregations, '{}'),
       f.archived_at IS NOT NULL
  FROM unnest(%(subscription_ids)s::bigint[], %(earliest)s::timestamptz[])
       AS e (subscription_id, earliest)
  JOIN frozen_period f ON f.subscription_id = e.subscription_id
                      AND f.period_end > e.earliest
 CROSS JOIN LATERAL (
     SELECT array_agg(metric_id) AS metric_ids, array_agg(aggregation) AS aggregations
       FROM (SELECT DISTINCT ON (metric_id) metric_id, aggregation
               FROM rollup
              WHERE subscription_id = f.subscription_id
                AND usage_start = f.period_start
              ORDER BY metric_id, period_start) AS first
 ) AS r
 ORDER BY f.subscription_id, f.period_start
