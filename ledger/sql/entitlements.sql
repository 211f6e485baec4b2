-- What subscriptions may do, as their apps say.

-- name: entitlements
SELECT feature, privileges FROM entitlement
 WHERE subscription_id = %(subscription_id)s
 ORDER BY feature

-- name: lock_subscription
-- One at a time adds up what a subscription has.
SELECT FROM subscription WHERE id = %(subscription_id)s FOR NO KEY UPDATE

-- name: write_entitlement
-- Beside the privileges that there are.
INSERT INTO entitlement AS e (subscription_id, feature, privileges, updated_at)
VALUES (%(subscription_id)s, %(feature)s, %(privileges)s::jsonb, %(now)s)
ON CONFLICT (subscription_id, feature) DO UPDATE
   SET privileges = e.privileges || excluded.privileges,
       updated_at = excluded.updated_at

-- name: delete_entitlement
DELETE FROM entitlement
 WHERE subscription_id = %(subscription_id)s AND feature = %(feature)s

-- name: delete_privilege
UPDATE entitlement
   SET privileges = privileges - %(privilege)s::text, updated_at = %(now)s
 WHERE subscription_id = %(subscription_id)s AND feature = %(feature)s
   AND privileges ? %(privilege)s::text
