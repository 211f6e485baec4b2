-- Subscriptions as apps see them.

-- name: subscription
SELECT id, public_id, external_id, name, customer_id, customer, plan, price, currency,
       plan_interval, previous_plan, next_plan, next_plan_at, created_at, canceled_at,
       subscription_status(started_at, ended_at, canceled_at, %(now)s),
       "interval", anchor, timezone, started_at, ended_at, frozen_until, changed_at,
       changed_to
  FROM app_subscription
 WHERE service_id = %(service_id)s AND external_id = %(external_id)s

-- name: subscriptions
-- A page, the newest first.
SELECT a.id, a.public_id, a.external_id, a.name, a.customer_id, a.customer, a.plan,
       a.price, a.currency, a.plan_interval, a.previous_plan, a.next_plan,
       a.next_plan_at, a.created_at, a.canceled_at,
       subscription_status(a.started_at, a.ended_at, a.canceled_at, %(now)s),
       a."interval", a.anchor, a.timezone, a.started_at, a.ended_at, a.frozen_until,
       a.changed_at, a.changed_to
  FROM (SELECT b.id
          FROM subscription b
          JOIN customer c ON c.id = b.customer_id
          JOIN plan p ON p.id = b.plan_id
         WHERE b.service_id = %(service_id)s
           AND (%(customer)s::text IS NULL OR c.external_id = %(customer)s)
           AND (%(plan)s::text IS NULL OR p.code = %(plan)s)
           AND subscription_status(b.started_at, b.ended_at, b.canceled_at, %(now)s)
               = ANY(%(statuses)s)
         ORDER BY b.created_at DESC, b.id DESC
         LIMIT %(limit)s OFFSET %(offset)s) AS w
  JOIN app_subscription a ON a.id = w.id
 ORDER BY a.created_at DESC, a.id DESC

-- name: count_subscriptions
SELECT count(*)
  FROM subscription b
  JOIN customer c ON c.id = b.customer_id
  JOIN plan p ON p.id = b.plan_id
 WHERE b.service_id = %(service_id)s
   AND (%(customer)s::text IS NULL OR c.external_id = %(customer)s)
   AND (%(plan)s::text IS NULL OR p.code = %(plan)s)
   AND subscription_status(b.started_at, b.ended_at, b.canceled_at, %(now)s)
       = ANY(%(statuses)s)

-- name: plan
SELECT archived, price, "interval" FROM plan
 WHERE service_id = %(service_id)s AND code = %(plan)s

-- name: write_name
UPDATE subscription
   SET name = %(name)s, updated_at = %(now)s
 WHERE id = %(id)s AND name <> %(name)s

-- name: write_canceled
UPDATE subscription SET canceled_at = %(canceled_at)s WHERE id = %(id)s
