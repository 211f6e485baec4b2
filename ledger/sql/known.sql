-- What the ledger knows by the names that a catalog file uses.

-- name: known_metrics
SELECT m.code
  FROM metric m JOIN service s ON s.id = m.service_id
 WHERE s.code = %(service)s AND m.code = ANY(%(names)s)

-- name: known_plans
SELECT p.code
  FROM plan p JOIN service s ON s.id = p.service_id
 WHERE s.code = %(service)s AND p.code = ANY(%(names)s)

-- name: known_customers
SELECT c.external_id
  FROM customer c JOIN service s ON s.id = c.service_id
 WHERE s.code = %(service)s AND c.external_id = ANY(%(names)s)

-- name: known_subscriptions
SELECT b.external_id
  FROM subscription b JOIN service s ON s.id = b.service_id
 WHERE s.code = %(service)s AND b.external_id = ANY(%(names)s)

-- name: known_service
SELECT name, mode FROM service WHERE code = %(service)s
