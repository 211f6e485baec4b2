-- name: metric
SELECT FROM metric WHERE service_id = %(service_id)s AND code = %(code)s

-- name: count_periods
SELECT count(*)
  FROM (SELECT FROM frozen_period
         WHERE subscription_id = %(subscription_id)s
         LIMIT %(newest)s) AS f

-- name: periods
SELECT period_start, period_end, currency
  FROM (SELECT period_start, period_end, currency
          FROM frozen_period
         WHERE subscription_id = %(subscription_id)s
         ORDER BY period_start DESC
         LIMIT %(newest)s) AS f
 ORDER BY period_start DESC
 LIMIT %(limit)s OFFSET %(offset)s

-- name: charges
-- Each charge as it was rated at the freeze. Its id is that of the plan's charge for the
-- period; should that not be found any more, its metric's, since a line stays a line.
SELECT r.period_start, coalesce(c.public_id, m.public_id),
       r.rating -> 'charge' ->> 'model', m.public_id, m.code, m.name, r.aggregation,
       r.counters, r.rating
  FROM frozen_period f
  JOIN rollup r ON r.subscription_id = f.subscription_id
               AND r.period_start = f.period_start AND r.usage_start = f.period_start
  JOIN metric m ON m.id = r.metric_id
  LEFT JOIN LATERAL charges_at(f.plan_id, f.period_end) c ON c.metric_id = m.id
 WHERE f.subscription_id = %(subscription_id)s
   AND f.period_start = ANY(%(period_starts)s::timestamptz[])
   AND jsonb_typeof(r.rating -> 'charge') = 'object'
 ORDER BY r.period_start, m.code
