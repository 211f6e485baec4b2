-- Services by their codes, and the other way round.

-- name: service_id
SELECT id FROM service WHERE code = %(code)s

-- name: service_code
SELECT code FROM service WHERE id = %(service_id)s
