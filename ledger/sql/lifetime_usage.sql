-- name: subscription
-- With the currency of the plan that it has now, or had at its end.
SELECT b.id, b.public_id, b.external_id, b.started_at, b.historical_usage_cents,
       p.currency
  FROM subscription b
  JOIN plan p ON p.id = plan_at(b.id, least(%(now)s, b.ended_at))
 WHERE b.service_id = %(service_id)s AND b.external_id = %(external_id)s

-- name: set_historical_usage
UPDATE subscription
   SET historical_usage_cents = %(cents)s
 WHERE service_id = %(service_id)s AND external_id = %(external_id)s

-- name: billed
-- What frozen periods were billed at for usage, in a currency.
SELECT coalesce(sum(amount), 0)
  FROM rollup
 WHERE subscription_id = %(subscription_id)s AND frozen_at IS NOT NULL
   AND rating ->> 'currency' = %(currency)s
