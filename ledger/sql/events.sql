-- Counters read back as Lago's events.

-- name: limit_time
-- Of each statement: two of them end before the API gives up the database.
SET LOCAL statement_timeout = '2s'

-- name: find_event
-- The last of what came as an event by this transaction id, from anywhere in the service.
SELECT e.transaction_id, e.external_subscription_id, e.code, e.occurred_at,
       e.properties::text, e.subscription_id, e.customer_id, t.received_at
  FROM known_event e
  LEFT JOIN batch t ON t.id = e.batch_id
 WHERE e.service_id = %(service_id)s AND e.transaction_id = %(transaction_id)s
   AND e.properties IS NOT NULL
 ORDER BY e.occurred_at DESC, e.external_subscription_id, e.code
 LIMIT 1

-- name: find_counter
-- The same of one subscription, whichever way it was pushed.
SELECT e.transaction_id, e.external_subscription_id, e.code, e.occurred_at,
       e.properties::text, e.subscription_id, e.customer_id, t.received_at
  FROM known_event e
  LEFT JOIN batch t ON t.id = e.batch_id
 WHERE e.service_id = %(service_id)s AND e.transaction_id = %(transaction_id)s
   AND e.external_subscription_id = %(external_subscription_id)s
   AND (%(code)s::text IS NULL OR e.code = %(code)s)
 ORDER BY e.occurred_at DESC, e.code
 LIMIT 1

-- name: count_events
SELECT count(*)
  FROM known_event e
 WHERE e.service_id = %(service_id)s
   AND (%(external_subscription_id)s::text IS NULL
        OR e.external_subscription_id = %(external_subscription_id)s)
   AND (%(code)s::text IS NULL OR e.code = %(code)s)
   AND e.occurred_at >= coalesce(%(first_at)s::timestamptz, '-infinity')
   AND e.occurred_at <= coalesce(%(last_at)s::timestamptz, 'infinity')

-- name: list_events
-- The newest first.
WITH page AS (
    SELECT e.*
      FROM known_event e
     WHERE e.service_id = %(service_id)s
       AND (%(external_subscription_id)s::text IS NULL
            OR e.external_subscription_id = %(external_subscription_id)s)
       AND (%(code)s::text IS NULL OR e.code = %(code)s)
       AND e.occurred_at >= coalesce(%(first_at)s::timestamptz, '-infinity')
       AND e.occurred_at <= coalesce(%(last_at)s::timestamptz, 'infinity')
     ORDER BY e.occurred_at DESC, e.transaction_id DESC, e.external_subscription_id,
              e.code
     LIMIT %(limit)s OFFSET %(offset)s
)
SELECT p.transaction_id, p.external_subscription_id, p.code, p.occurred_at,
       p.properties::text, p.subscription_id, p.customer_id, t.received_at
  FROM page p
  LEFT JOIN batch t ON t.id = p.batch_id
 ORDER BY p.occurred_at DESC, p.transaction_id DESC, p.external_subscription_id, p.code
