-- Metrics and plans that apps write, by their codes.

-- name: metric_id
SELECT id FROM metric WHERE service_id = %(service_id)s AND code = %(code)s

-- name: plan_id
SELECT id FROM plan WHERE service_id = %(service_id)s AND code = %(code)s
