-- Customers as apps see them: those that are not deleted.

-- name: customer
SELECT id, public_id, external_id, name, email, contact, profile, created_at, updated_at
  FROM customer
 WHERE service_id = %(service_id)s AND external_id = %(external_id)s
   AND deleted_at IS NULL

-- name: customers
-- A page, the newest first, of those in whose names or address the text is.
SELECT id, public_id, external_id, name, email, contact, profile, created_at, updated_at
  FROM customer
 WHERE service_id = %(service_id)s AND deleted_at IS NULL
   AND (%(text)s::text IS NULL
        OR position(lower(%(text)s) IN lower(concat_ws(' ', external_id, name, email)))
           > 0)
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s OFFSET %(offset)s

-- name: count_customers
SELECT count(*)
  FROM customer
 WHERE service_id = %(service_id)s AND deleted_at IS NULL
   AND (%(text)s::text IS NULL
        OR position(lower(%(text)s) IN lower(concat_ws(' ', external_id, name, email)))
           > 0)

-- name: profile
-- Also of one that is deleted.
SELECT profile, deleted_at
  FROM customer
 WHERE service_id = %(service_id)s AND external_id = %(external_id)s

-- name: write_profile
-- One that had been deleted is made anew.
UPDATE customer
   SET profile = %(profile)s::jsonb, updated_at = %(now)s, deleted_at = NULL,
       created_at = CASE WHEN deleted_at IS NULL THEN created_at ELSE %(now)s END
 WHERE id = %(record_id)s

-- name: delete_customer
UPDATE customer
   SET deleted_at = %(now)s, updated_at = %(now)s
 WHERE id = %(record_id)s

-- name: unended_subscriptions
SELECT external_id
  FROM subscription
 WHERE customer_id = %(record_id)s AND (ended_at IS NULL OR ended_at > %(now)s)
 ORDER BY id
