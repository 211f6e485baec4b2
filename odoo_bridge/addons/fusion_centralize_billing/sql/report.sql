-- What the usage report reads.

-- name: usage_report
-- The usage with its client and plan; numbers as doubles, for charts alone.
SELECT u.id, u.service_id, u.subscription_id, o.partner_id, o.x_fc_plan_id AS plan_id,
       u.metric_id, m.aggregation, u.period_start,
       u.correction_of IS NOT NULL AS is_correction, u.state, u.currency,
       u.quantity::float8 AS quantity, u.overage::float8 AS overage,
       u.amount::float8 AS amount
  FROM fusion_billing_usage u
  JOIN fusion_billing_metric m ON m.id = u.metric_id
  JOIN sale_order o ON o.id = u.subscription_id
