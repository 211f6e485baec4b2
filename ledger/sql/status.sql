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
       (SELECT count(*) FROM webhook_delivery WHERE state = 'pending')
           AS webhooks_pending,
       (SELECT count(*) FROM webhook_delivery WHERE state = 'delivered')
           AS webhooks_delivered,
       (SELECT count(*) FROM dead_letter) AS dead_letters

-- name: sync
SELECT kind, synced_at, error FROM odoo_sync ORDER BY kind
