-- name: terms
SELECT t.id, b.created_at, t."interval", t.anchor, t.timezone, t.started_at, t.ended_at,
       t.frozen_until, t.changed_at, t.changed_to
  FROM unnest(%(subscription_ids)s::bigint[]) AS k (id)
  JOIN subscription b ON b.id = k.id
  JOIN subscription_terms t ON t.id = k.id

-- name: plans_of_periods
-- The plan that each period is billed by, in the currency of its charges.
SELECT k.subscription_id, b.external_id, p.id, p.code,
       coalesce((SELECT min(c.currency) FROM charges_at(p.id, k.period_end) c),
                p.currency)
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(period_ends)s::timestamptz[])
       AS k (subscription_id, period_start, period_end)
  JOIN subscription b ON b.id = k.subscription_id
  JOIN plan p ON p.id = plan_at(k.subscription_id, k.period_start)

-- name: open_usage
-- The starts of the periods in which something that is not frozen will be billed.
SELECT DISTINCT period_start FROM rollup
 WHERE subscription_id = %(subscription_id)s AND frozen_at IS NULL
 ORDER BY period_start
