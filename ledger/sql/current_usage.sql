-- name: customer
SELECT id FROM customer
 WHERE service_id = %(service_id)s AND external_id = %(external_id)s

-- name: subscription
SELECT b.id, p.id, p."interval", b.anchor, b.timezone, b.started_at, b.ended_at,
       p.currency
  FROM subscription b
  JOIN plan p ON p.id = b.plan_id
 WHERE b.service_id = %(service_id)s AND b.customer_id = %(customer_id)s
   AND b.external_id = %(external_id)s

-- name: charges
-- Each charge of the plan, beside what its metric has rolled up to in the period.
SELECT c.public_id, c.model, c.included, c.price, c.package_size, c.tiers,
       m.public_id, m.code, m.name, m.aggregation,
       coalesce(r.quantity, 0), coalesce(r.counters, 0)
  FROM charge c
  JOIN metric m ON m.id = c.metric_id
  LEFT JOIN rollup r ON r.subscription_id = %(subscription_id)s
                    AND r.metric_id = c.metric_id
                    AND r.period_start = %(period_start)s
 WHERE c.plan_id = %(plan_id)s
 ORDER BY m.code
