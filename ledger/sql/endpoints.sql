-- name: insert_endpoint
-- An endpoint of the service with this code; no row when the code is unknown.
INSERT INTO webhook_endpoint (service_id, url, secret, event_types)
SELECT id, %(url)s, %(secret)s, %(event_types)s FROM service WHERE code = %(service)s
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
 WHERE %(service)s::text IS NULL OR s.code = %(service)s
 ORDER BY s.code, e.created_at, e.id

-- name: disable_endpoint
-- Deliveries that wait stay, and go on when the endpoint is enabled again.
UPDATE webhook_endpoint
   SET enabled         = false,
       disabled_at     = coalesce(disabled_at, %(now)s),
       disabled_reason = coalesce(disabled_reason, %(reason)s)
 WHERE id = %(id)s

-- name: enable_endpoint
UPDATE webhook_endpoint
   SET enabled = true, disabled_at = NULL, disabled_reason = NULL
 WHERE id = %(id)s
