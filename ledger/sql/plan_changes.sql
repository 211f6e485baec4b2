-- Changes of plan that are still to come.

-- name: plan_change
INSERT INTO plan_change (subscription_id, plan_id, effective_at, asked_at)
SELECT b.id, p.id, %(at)s, %(now)s
  FROM subscription b
  JOIN plan p ON p.service_id = b.service_id AND p.code = %(plan)s
 WHERE b.id = %(subscription_id)s
ON CONFLICT (subscription_id) DO UPDATE
   SET plan_id = excluded.plan_id, effective_at = excluded.effective_at,
       asked_at = excluded.asked_at

-- name: forget_change
DELETE FROM plan_change WHERE subscription_id = %(subscription_id)s
