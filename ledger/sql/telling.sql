-- name: mode
SELECT mode FROM service WHERE id = %(service_id)s
