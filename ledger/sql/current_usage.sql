-- name: customer
SELECT id FROM customer
 WHERE service_id = %(service_id)s AND external_id = %(external_id)s

-- name: subscription
SELECT b.id, t."interval", t.anchor, t.timezone, t.started_at, t.ended_at,
       t.frozen_until, t.changed_at, t.changed_to
  FROM subscription b
  JOIN subscription_terms t ON t.id = b.id
 WHERE b.service_id = %(service_id)s AND b.customer_id = %(customer_id)s
   AND b.external_id = %(external_id)s

-- name: plan
SELECT id, code, currency FROM plan
 WHERE id = plan_at(%(subscription_id)s, %(period_start)s)

-- name: charges
-- Each charge of the plan, beside what its metric has rolled up to in the period.
SELECT c.public_id, m.public_id, m.code, m.name, m.aggregation,
       coalesce(r.quantity, 0), coalesce(r.counters, 0), r.rating,
       c.model, c.included, c.price, c.package_size, c.tiers, c.minimum,
       m.rounding, m.rounding_precision
  FROM charges_at(%(plan_id)s, %(period_end)s) c
  JOIN metric m ON m.id = c.metric_id
  LEFT JOIN rollup r ON r.subscription_id = %(subscription_id)s
                    AND r.metric_id = c.metric_id
                    AND r.period_start = %(period_start)s
                    AND r.usage_start = %(period_start)s
 ORDER BY m.code

-- name: corrections
-- What is billed in the period for earlier ones, that were frozen when it came.
SELECT r.usage_start, f.period_end, m.public_id, m.code, m.name, r.aggregation,
       r.counters, f.currency, r.rating, r.base, r.quantity, b.rating -> 'charge'
  FROM rollup r
  JOIN metric m ON m.id = r.metric_id
  JOIN frozen_period f ON f.subscription_id = r.subscription_id
                      AND f.period_start = r.usage_start
  LEFT JOIN rollup b ON b.subscription_id = r.subscription_id
                    AND b.metric_id = r.metric_id
                    AND b.period_start = r.usage_start AND b.usage_start = r.usage_start
 WHERE r.subscription_id = %(subscription_id)s AND r.period_start = %(period_start)s
   AND r.usage_start < r.period_start
 ORDER BY m.code, r.usage_start
