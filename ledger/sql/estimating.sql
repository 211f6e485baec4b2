-- name: subscriber
-- Whose subscription it is.
SELECT c.external_id, c.public_id
  FROM subscription b JOIN customer c ON c.id = b.customer_id
 WHERE b.service_id = %(service_id)s AND b.external_id = %(external_id)s
   AND c.deleted_at IS NULL
