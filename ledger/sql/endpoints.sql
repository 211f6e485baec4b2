-- name: insert_endpoint
-- An endpoint of the service with this code; no row when the code is unknown.
INSERT INTO webhook_endpoint
       (service_id, url, secret, event_types, name, signature_algo, body_style)
SELECT id, %(url)s, %(secret)s, %(event_types)s, %(name)s, %(signature_algo)s,
       %(body_style)s
  FROM service WHERE code = %(service)s
RETURNING id

-- name: list_endpoints
SELECT e.id, s.code, e.url, e.event_types, e.enabled, e.disabled_reason, e.created_at,
       d.pending, d.dead
  FROM webhook_endpoint e
  JOIN service s ON s.id = e.service_id
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE state = 'pending') AS pending,
              count(*) FILTER (WHERE state = 'dead') AS dead
         FROM webhook_delivery
        WHERE endpoint_id = e.id AND state <> 'delivered'
       ) d
 WHERE e.deleted_at IS NULL AND (%(service)s::text IS NULL OR s.code = %(service)s)
 ORDER BY s.code, e.created_at, e.id

-- name: disable_endpoint
-- Deliveries that wait stay, and go on when the endpoint is enabled again.
UPDATE webhook_endpoint
   SET enabled         = false,
       disabled_at     = coalesce(disabled_at, %(now)s),
       disabled_reason = coalesce(disabled_reason, %(reason)s)
 WHERE id = %(id)s AND deleted_at IS NULL

-- name: enable_endpoint
UPDATE webhook_endpoint
   SET enabled = true, disabled_at = NULL, disabled_reason = NULL
 WHERE id = %(id)s AND deleted_at IS NULL

-- name: lock_endpoints
-- No other endpoint of the service is made by its app until this commits.
SELECT id FROM service WHERE code = %(service)s FOR NO KEY UPDATE

-- name: service_endpoints
-- A page of the endpoints of a service, or the one with this id.
SELECT e.id, s.public_id, e.url, e.signature_algo, e.name, e.event_types,
       e.created_at, e.body_style, e.enabled, e.disabled_reason
  FROM webhook_endpoint e
  JOIN service s ON s.id = e.service_id
 WHERE e.service_id = %(service_id)s AND e.deleted_at IS NULL
   AND (%(id)s::uuid IS NULL OR e.id = %(id)s)
 ORDER BY e.created_at, e.id
 LIMIT %(limit)s OFFSET %(offset)s

-- name: count_service_endpoints
SELECT count(*) FROM webhook_endpoint
 WHERE service_id = %(service_id)s AND deleted_at IS NULL

-- name: update_endpoint
-- What is null stays as it is.
UPDATE webhook_endpoint
   SET url            = coalesce(%(url)s, url),
       name           = coalesce(%(name)s, name),
       signature_algo = coalesce(%(signature_algo)s, signature_algo),
       body_style     = coalesce(%(body_style)s, body_style),
       event_types    = coalesce(%(event_types)s, event_types)
 WHERE service_id = %(service_id)s AND id = %(id)s AND deleted_at IS NULL

-- name: rotate_secret
-- The secrets of before go on signing for the overlap, at most four of them.
UPDATE webhook_endpoint
   SET old_secrets = (array_prepend(
           secret,
           CASE WHEN old_secrets_until > %(now)s THEN old_secrets ELSE '{}' END
       ))[1:4],
       old_secrets_until = %(now)s + %(overlap)s,
       secret            = %(secret)s
 WHERE service_id = %(service_id)s AND id = %(id)s AND deleted_at IS NULL

-- name: lock_endpoint
-- Once no transaction is about to send something there: drop_waiting sees all of it.
SELECT id FROM webhook_endpoint
 WHERE service_id = %(service_id)s AND id = %(id)s AND deleted_at IS NULL
   FOR UPDATE

-- name: delete_endpoint
UPDATE webhook_endpoint
   SET deleted_at = %(now)s, enabled = false, disabled_at = %(now)s,
       disabled_reason = 'deleted'
 WHERE service_id = %(service_id)s AND id = %(id)s AND deleted_at IS NULL

-- name: drop_waiting
-- What still waits for an endpoint that its owner has deleted; an attempt that is on
-- its way ends as overtaken.
DELETE FROM webhook_delivery WHERE endpoint_id = %(id)s AND state = 'pending'
