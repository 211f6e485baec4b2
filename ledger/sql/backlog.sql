-- name: backlog
-- One row of what waits. Each count reads a partial index or a table that is small
-- while all is well.
SELECT (SELECT count(*) FROM batch WHERE state IN ('queued', 'processing')),
       (SELECT min(received_at) FROM batch WHERE state IN ('queued', 'processing')),
       (SELECT count(*) FROM parked_counter),
       (SELECT count(*)
          FROM service s
          JOIN parked_counter p ON p.service_id = s.id
                               AND p.parked_at <= %(too_long_until)s),
       (SELECT count(*) FROM dead_letter),
       (SELECT count(*) FROM rollup WHERE dirty),
       (SELECT count(*) FROM webhook_delivery WHERE state = 'pending'),
       (SELECT problem IS NULL FROM odoo_check),
       (SELECT key_expires_at FROM odoo_check),
       (SELECT coalesce(sum(drift), 0)::bigint FROM drift_report),
       (SELECT coalesce(sum(warnings), 0)::bigint FROM drift_report),
       (SELECT coalesce(sum(failed), 0)::bigint FROM drift_report),
       (SELECT synced_at FROM odoo_sync WHERE kind = 'drift')
