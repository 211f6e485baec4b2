-- name: status
-- One row: what there is and what waits.
SELECT (SELECT count(*) FROM service) AS services,
       (SELECT count(*) FROM subscription) AS subscriptions,
       (SELECT count(*) FROM batch WHERE state = 'done') AS batches_done,
       (SELECT count(*) FROM batch WHERE state IN ('queued', 'processing'))
           AS batches_waiting,
       (SELECT count(*) FROM batch WHERE state = 'dead') AS batches_dead,
       (SELECT coalesce(sum(counters), 0)::bigint FROM rollup) AS counters,
       (SELECT count(*) FROM parked_counter) AS parked,
       (SELECT min(parked_at) FROM parked_counter) AS oldest_parked_at,
       (SELECT count(*) FROM rollup) AS rollups,
       (SELECT count(*) FROM rollup WHERE dirty) AS rollups_to_push,
       (SELECT count(*) FROM period_bill WHERE status = 'due') AS bills_waiting,
       (SELECT count(*) FROM period_bill WHERE status = 'due' AND attempts > 0)
           AS bills_refused,
       (SELECT min(waits_since) FROM period_bill WHERE status = 'due')
           AS oldest_bill_waits_since,
       (SELECT count(*) FROM webhook_delivery WHERE state = 'pending')
           AS webhooks_pending,
       (SELECT count(*) FROM webhook_delivery WHERE state = 'delivered')
           AS webhooks_delivered,
       (SELECT count(*) FROM dead_letter) AS dead_letters

-- name: sync
SELECT kind, synced_at, error, deleted FROM odoo_sync ORDER BY kind

-- name: deleted_in_odoo
-- The first of a kind, by name.
SELECT service || '/' || name
  FROM odoo_record
 WHERE kind = %(kind)s AND deleted_in_odoo_at IS NOT NULL
 ORDER BY service, name
 LIMIT %(limit)s

-- name: waiting_bills
-- Those that wait for longest, and what for.
SELECT s.code, c.external_id, b.external_id, k.period_start, k.waits_since,
       coalesce(k.reason, 'not looked at yet')
  FROM period_bill k
  JOIN subscription b ON b.id = k.subscription_id
  JOIN customer c ON c.id = b.customer_id
  JOIN service s ON s.id = b.service_id
 WHERE k.status = 'due' AND k.waits_since <= %(until)s
 ORDER BY k.waits_since, s.code, b.external_id
 LIMIT %(limit)s
