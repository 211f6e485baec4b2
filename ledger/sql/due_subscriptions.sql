-- What has become due of subscriptions by the mere time.

-- name: due_changes
SELECT b.service_id, s.code, b.external_id
  FROM plan_change w
  JOIN subscription b ON b.id = w.subscription_id
  JOIN service s ON s.id = b.service_id
 WHERE w.effective_at <= %(now)s
 ORDER BY w.effective_at, b.id
 LIMIT %(limit)s

-- name: due_events
-- Not by subscription_status, which is a second early, so that it is told no earlier.
SELECT b.service_id, s.code, b.external_id
  FROM told_subscription t
  JOIN subscription b ON b.id = t.subscription_id
  JOIN service s ON s.id = b.service_id
 WHERE (t.status = 'pending' AND b.started_at <= %(now)s)
    OR (t.status IN ('pending', 'active') AND b.ended_at <= %(now)s)
 ORDER BY b.id
 LIMIT %(limit)s

-- name: told_status
SELECT t.status
  FROM subscription b
  JOIN told_subscription t ON t.subscription_id = b.id
 WHERE b.service_id = %(service_id)s AND b.external_id = %(external_id)s
   FOR UPDATE OF t
