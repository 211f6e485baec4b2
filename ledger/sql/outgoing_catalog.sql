-- Metrics and plans that apps changed, as they go to Odoo.

-- name: one_snapshot
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ

-- name: leased_metrics
-- One that was changed since the lease is due again, and left to the next claim.
SELECT l.record_id, l.revision, l.attempts, l.unsent, s.id, s.code, t.code
  FROM local_change l
  JOIN metric t ON t.id = l.record_id
  JOIN service s ON s.id = t.service_id
 WHERE l.kind = 'metric' AND l.record_id = ANY(%(record_ids)s)
   AND l.due_at = %(lease_until)s
 ORDER BY l.record_id

-- name: leased_plans
-- One that was changed since the lease is due again, and left to the next claim.
SELECT l.record_id, l.revision, l.attempts, l.unsent, s.id, s.code, t.code
  FROM local_change l
  JOIN plan t ON t.id = l.record_id
  JOIN service s ON s.id = t.service_id
 WHERE l.kind = 'plan' AND l.record_id = ANY(%(record_ids)s)
   AND l.due_at = %(lease_until)s
 ORDER BY l.record_id
