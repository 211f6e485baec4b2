-- One writer at a time of a record that apps may change.

-- name: lock_record
-- Until the transaction ends; by name, as the record may not be there yet. Names of one
-- hash wait for each other, and that is all; few hashes, so that a transaction of many
-- records does not fill the server's table of locks.
SELECT pg_advisory_xact_lock(
           %(lock_space)s,
           hashtext(concat_ws(' ', %(kind)s::text, %(service)s::text,
                              %(external_id)s::text)) & 4095
       )

-- name: lock_records
SELECT pg_advisory_xact_lock(%(lock_space)s, h.bucket)
  FROM (SELECT DISTINCT
               hashtext(concat_ws(' ', %(kind)s::text, %(service)s::text, n)) & 4095
               AS bucket
          FROM unnest(%(external_ids)s::text[]) AS n
         ORDER BY 1) AS h

-- name: unsent_metric
SELECT l.unsent
  FROM metric t
  JOIN service s ON s.id = t.service_id
  JOIN local_change l ON l.kind = 'metric' AND l.record_id = t.id
 WHERE s.code = %(service)s AND t.code = %(external_id)s AND l.unsent <> '{}'

-- name: unsent_plan
SELECT l.unsent
  FROM plan t
  JOIN service s ON s.id = t.service_id
  JOIN local_change l ON l.kind = 'plan' AND l.record_id = t.id
 WHERE s.code = %(service)s AND t.code = %(external_id)s AND l.unsent <> '{}'

-- name: unsent_customer
SELECT l.unsent, c.name, c.email
  FROM customer c
  JOIN service s ON s.id = c.service_id
  JOIN local_change l ON l.kind = 'customer' AND l.record_id = c.id
 WHERE s.code = %(service)s AND c.external_id = %(external_id)s AND l.unsent <> '{}'

-- name: unsent_subscription
SELECT l.unsent, c.external_id, p.code, b.started_at, b.ended_at, b.timezone, b.anchor
  FROM subscription b
  JOIN service s ON s.id = b.service_id
  JOIN local_change l ON l.kind = 'subscription' AND l.record_id = b.id
  JOIN customer c ON c.id = b.customer_id
  JOIN plan p ON p.id = b.plan_id
 WHERE s.code = %(service)s AND b.external_id = %(external_id)s AND l.unsent <> '{}'

-- name: taken_since_customer
-- A row: what was read of Odoo may be older than what Odoo has taken since. No pull lasts
-- for two hours: what was taken later than that is by a clock that has gone back since.
UPDATE local_change l
   SET look_again = nextval('local_change_looks')
  FROM customer c
  JOIN service s ON s.id = c.service_id
 WHERE s.code = %(service)s AND c.external_id = %(external_id)s
   AND l.kind = 'customer' AND l.record_id = c.id
   AND l.taken_at >= %(read_at)s
   AND l.taken_at < %(read_at)s::timestamptz + interval '2 hours'
RETURNING 1

-- name: taken_since_subscription
UPDATE local_change l
   SET look_again = nextval('local_change_looks')
  FROM subscription b
  JOIN service s ON s.id = b.service_id
 WHERE s.code = %(service)s AND b.external_id = %(external_id)s
   AND l.kind = 'subscription' AND l.record_id = b.id
   AND l.taken_at >= %(read_at)s
   AND l.taken_at < %(read_at)s::timestamptz + interval '2 hours'
RETURNING 1

-- name: taken_since_metric
UPDATE local_change l
   SET look_again = nextval('local_change_looks')
  FROM metric t
  JOIN service s ON s.id = t.service_id
 WHERE s.code = %(service)s AND t.code = %(external_id)s
   AND l.kind = 'metric' AND l.record_id = t.id
   AND l.taken_at >= %(read_at)s
   AND l.taken_at < %(read_at)s::timestamptz + interval '2 hours'
RETURNING 1

-- name: taken_since_plan
UPDATE local_change l
   SET look_again = nextval('local_change_looks')
  FROM plan t
  JOIN service s ON s.id = t.service_id
 WHERE s.code = %(service)s AND t.code = %(external_id)s
   AND l.kind = 'plan' AND l.record_id = t.id
   AND l.taken_at >= %(read_at)s
   AND l.taken_at < %(read_at)s::timestamptz + interval '2 hours'
RETURNING 1
