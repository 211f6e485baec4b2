-- The name by which the ledger has a record of Odoo's, when it has none by the given name.

-- name: renamed_service
SELECT %(service)s::text, s.code
  FROM service s
 WHERE s.odoo_id = %(odoo_id)s
   AND NOT EXISTS (SELECT FROM service o WHERE o.code = %(name)s)
 LIMIT 1

-- name: renamed_metric
SELECT s.code, t.code
  FROM metric t
  JOIN service s ON s.id = t.service_id
 WHERE t.odoo_id = %(odoo_id)s
   AND NOT EXISTS (
       SELECT FROM metric o JOIN service v ON v.id = o.service_id
        WHERE v.code = %(service)s AND o.code = %(name)s)
 LIMIT 1

-- name: renamed_plan
SELECT s.code, t.code
  FROM plan t
  JOIN service s ON s.id = t.service_id
 WHERE t.odoo_id = %(odoo_id)s
   AND NOT EXISTS (
       SELECT FROM plan o JOIN service v ON v.id = o.service_id
        WHERE v.code = %(service)s AND o.code = %(name)s)
 LIMIT 1

-- name: renamed_customer
SELECT s.code, t.external_id
  FROM customer t
  JOIN service s ON s.id = t.service_id
 WHERE t.odoo_id = %(odoo_id)s
   AND NOT EXISTS (
       SELECT FROM customer o JOIN service v ON v.id = o.service_id
        WHERE v.code = %(service)s AND o.external_id = %(name)s)
 LIMIT 1

-- name: renamed_subscription
SELECT s.code, t.external_id
  FROM subscription t
  JOIN service s ON s.id = t.service_id
 WHERE t.odoo_id = %(odoo_id)s
   AND NOT EXISTS (
       SELECT FROM subscription o JOIN service v ON v.id = o.service_id
        WHERE v.code = %(service)s AND o.external_id = %(name)s)
 LIMIT 1
