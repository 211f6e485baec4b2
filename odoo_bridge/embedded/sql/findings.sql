-- What store_findings and resolve_findings run.

-- name: store_finding
-- Answers one row: id and status, which is created, updated or unchanged.
WITH done AS (
    INSERT INTO fusion_billing_reconciliation AS t
           (service_id, kind, level, subject, field, ledger_value, odoo_value, usage_id,
            checked_at, resolved, create_uid, create_date, write_uid, write_date)
    SELECT %(service_id)s, %(kind)s, %(level)s, %(subject)s, %(field)s,
           %(ledger_value)s, %(odoo_value)s,
           (SELECT id
              FROM fusion_billing_usage
             WHERE id = %(usage)s AND service_id = %(service_id)s),
           %(checked_at)s::timestamp, false,
           %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC'
    ON CONFLICT (service_id, kind, subject, field) DO UPDATE
       SET level = excluded.level, ledger_value = excluded.ledger_value,
           odoo_value = excluded.odoo_value, usage_id = excluded.usage_id,
           checked_at = excluded.checked_at, resolved = excluded.resolved,
           write_uid = excluded.write_uid, write_date = excluded.write_date
     WHERE (t.level, t.ledger_value, t.odoo_value, t.usage_id, t.checked_at, t.resolved)
           IS DISTINCT FROM
           (excluded.level, excluded.ledger_value, excluded.odoo_value,
            excluded.usage_id, excluded.checked_at, excluded.resolved)
    RETURNING id, CASE WHEN xmax = 0 THEN 'created' ELSE 'updated' END AS status
)
SELECT id, status FROM done
UNION ALL
SELECT id, 'unchanged'
  FROM fusion_billing_reconciliation
 WHERE (service_id, kind, subject, field) =
       (%(service_id)s, %(kind)s, %(subject)s, %(field)s)
   AND NOT EXISTS (SELECT FROM done);

-- name: resolve_findings
UPDATE fusion_billing_reconciliation f
   SET resolved = true, write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
  FROM fusion_billing_service s
 WHERE s.id = f.service_id
   AND s.code = ANY (%(services)s)
   AND f.kind = ANY (%(kinds)s)
   AND f.checked_at < %(before)s::timestamp
   AND NOT f.resolved;
