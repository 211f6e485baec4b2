-- name: rollups_of_service
SELECT b.external_id, m.code, r.period_start, r.period_end, r.quantity, r.counters,
       r.revision, r.pushed_revision
  FROM rollup r
  JOIN subscription b ON b.id = r.subscription_id
  JOIN metric m ON m.id = r.metric_id
 WHERE b.service_id = %(service_id)s
 ORDER BY b.external_id, m.code, r.period_start
