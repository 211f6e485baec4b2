-- name: services_with_due
SELECT DISTINCT service_id FROM subscription
 WHERE freeze_due_at <= %(now)s ORDER BY service_id

-- name: due_subscriptions
-- What there is to look at, longest due first, locked until the transaction ends.
SELECT b.id, b.created_at, t."interval", t.anchor, t.timezone, t.started_at, t.ended_at,
       t.frozen_until, t.changed_at, t.changed_to
  FROM subscription b
  JOIN subscription_terms t ON t.id = b.id
 WHERE b.service_id = %(service_id)s AND b.freeze_due_at <= %(now)s
 ORDER BY b.freeze_due_at, b.id
 LIMIT %(limit)s
   FOR NO KEY UPDATE OF b SKIP LOCKED

-- name: plans_of_periods
-- The plan that each period is billed by, its grace, and whether it has corrections.
SELECT k.subscription_id, b.external_id, p.id, p.code,
       coalesce((SELECT min(c.currency) FROM charges_at(p.id, k.period_end) c),
                p.currency),
       p.grace_hours,
       EXISTS (SELECT FROM rollup r
                WHERE r.subscription_id = k.subscription_id
                  AND r.period_start = k.period_start
                  AND r.usage_start < r.period_start)
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(period_ends)s::timestamptz[])
       AS k (subscription_id, period_start, period_end)
  JOIN subscription b ON b.id = k.subscription_id
  JOIN plan p ON p.id = plan_at(k.subscription_id, k.period_start)

-- name: usage_lines
-- Each metric that the period has usage of or its plan a charge for.
SELECT k.subscription_id, m.id, m.code, coalesce(r.aggregation, m.aggregation),
       coalesce(r.quantity, 0), coalesce(r.counters, 0), c.currency,
       c.model, c.included, c.price, c.package_size, c.tiers, c.minimum,
       c.rounding, c.rounding_precision, c.fixed, c.free_events, c.group_keys,
       c.filters, c.display_name
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(period_ends)s::timestamptz[], %(plan_ids)s::integer[])
       AS k (subscription_id, period_start, period_end, plan_id)
 CROSS JOIN LATERAL (
     SELECT metric_id FROM charges_at(k.plan_id, k.period_end)
     UNION
     SELECT metric_id FROM rollup
      WHERE subscription_id = k.subscription_id
        AND period_start = k.period_start AND usage_start = k.period_start
 ) AS x
  JOIN metric m ON m.id = x.metric_id
  LEFT JOIN charges_at(k.plan_id, k.period_end) c ON c.metric_id = m.id
  LEFT JOIN rollup r ON r.subscription_id = k.subscription_id AND r.metric_id = m.id
                    AND r.period_start = k.period_start
                    AND r.usage_start = k.period_start
 ORDER BY k.subscription_id, m.code

-- name: correction_lines
-- Each correction that is billed in the period, with how its usage was billed at last.
SELECT r.subscription_id, m.id, m.code, r.aggregation, r.usage_start, r.quantity,
       r.counters, f.currency,
       prior_rating(r.subscription_id, r.metric_id, r.usage_start, r.period_start)
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[])
       AS k (subscription_id, period_start)
  JOIN rollup r ON r.subscription_id = k.subscription_id
               AND r.period_start = k.period_start AND r.usage_start < r.period_start
  JOIN metric m ON m.id = r.metric_id
  JOIN frozen_period f ON f.subscription_id = r.subscription_id
                      AND f.period_start = r.usage_start
 ORDER BY r.subscription_id, m.code, r.usage_start

-- name: freeze_rollups
-- In the order in which a fold and the push lock them. A charge without usage gets its
-- rollup here, at nothing.
INSERT INTO rollup AS r (subscription_id, metric_id, period_start, usage_start,
                         period_end, aggregation, quantity, counters, frozen_at,
                         amount, rating, updated_at, push_after)
SELECT l.subscription_id, l.metric_id, l.period_start, l.usage_start, l.period_end,
       l.aggregation, 0, 0, %(now)s, l.amount::numeric, l.rating::jsonb, %(now)s,
       %(now)s
  FROM unnest(%(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
              %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[],
              %(period_ends)s::timestamptz[], %(aggregations)s::text[],
              %(amounts)s::text[], %(ratings)s::text[])
       AS l (subscription_id, metric_id, period_start, usage_start, period_end,
             aggregation, amount, rating)
 ORDER BY l.subscription_id, l.metric_id, l.period_start, l.usage_start
ON CONFLICT (subscription_id, metric_id, period_start, usage_start) DO UPDATE
   SET period_end = excluded.period_end, frozen_at = excluded.frozen_at,
       amount = excluded.amount,
       rating = excluded.rating, revision = r.revision + 1,
       updated_at = excluded.updated_at,
       push_after = CASE WHEN r.revision = r.pushed_revision
                         THEN excluded.push_after ELSE r.push_after END

-- name: freeze_periods
INSERT INTO frozen_period (subscription_id, period_start, period_end, plan_id,
                           currency, frozen_at)
SELECT k.subscription_id, k.period_start, k.period_end, k.plan_id, k.currency, %(now)s
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(period_ends)s::timestamptz[], %(plan_ids)s::integer[],
              %(currencies)s::text[])
       AS k (subscription_id, period_start, period_end, plan_id, currency)

-- name: make_period_bills
-- What is to be billed; in shadow nothing, and nothing later either.
INSERT INTO period_bill (subscription_id, period_start, period_end, status, due_at,
                         waits_since)
SELECT k.subscription_id, k.period_start, k.period_end,
       CASE s.mode WHEN 'live' THEN 'due' ELSE 'shadow' END, %(now)s, %(now)s
  FROM unnest(%(subscription_ids)s::bigint[], %(period_starts)s::timestamptz[],
              %(period_ends)s::timestamptz[])
       AS k (subscription_id, period_start, period_end)
  JOIN subscription b ON b.id = k.subscription_id
  JOIN service s ON s.id = b.service_id

-- name: move_frozen_until
-- The period after it is looked at in the next round.
UPDATE subscription b
   SET frozen_until = k.period_end, freeze_due_at = '-infinity'
  FROM unnest(%(subscription_ids)s::bigint[], %(period_ends)s::timestamptz[])
       AS k (subscription_id, period_end)
 WHERE b.id = k.subscription_id

-- name: set_due
UPDATE subscription b
   SET freeze_due_at = k.due_at
  FROM unnest(%(subscription_ids)s::bigint[], %(due_at)s::timestamptz[])
       AS k (subscription_id, due_at)
 WHERE b.id = k.subscription_id
