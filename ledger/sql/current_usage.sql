-- name: plan
-- With the currency of its charges for the period, which the plan may have changed since.
SELECT id, code,
       coalesce((SELECT min(c.currency) FROM charges_at(id, %(period_end)s) c), currency)
  FROM plan
 WHERE id = plan_at(%(subscription_id)s, %(period_start)s)

-- name: charges
-- Each charge of the plan, beside what its metric has rolled up to in the period.
SELECT c.public_id, m.id, m.public_id, m.code, m.name,
       coalesce(r.aggregation, m.aggregation),
       coalesce(r.quantity, 0), coalesce(r.counters, 0), r.rating,
       c.model, c.included, c.price, c.package_size, c.tiers, c.minimum,
       c.rounding, c.rounding_precision, c.fixed, c.free_events, c.group_keys,
       c.filters, c.display_name
  FROM charges_at(%(plan_id)s, %(period_end)s) c
  JOIN metric m ON m.id = c.metric_id
  LEFT JOIN rollup r ON r.subscription_id = %(subscription_id)s
                    AND r.metric_id = c.metric_id
                    AND r.period_start = %(period_start)s
                    AND r.usage_start = %(period_start)s
 ORDER BY m.code
