-- name: save_check
-- What was seen stays as it was while Odoo cannot be asked.
INSERT INTO odoo_check AS c (checked_at, problem, odoo, addon, key_expires_at)
VALUES (%(now)s, %(problem)s, %(odoo)s, %(addon)s, %(key_expires_at)s)
ON CONFLICT (id) DO UPDATE
   SET checked_at = excluded.checked_at,
       problem = excluded.problem,
       odoo = coalesce(excluded.odoo, c.odoo),
       addon = coalesce(excluded.addon, c.addon),
       key_expires_at = CASE WHEN %(seen)s THEN excluded.key_expires_at
                             ELSE c.key_expires_at
                        END

-- name: read_check
SELECT checked_at, problem, odoo, addon, key_expires_at FROM odoo_check

-- name: claim_key_warning
-- A row when nobody has warned since the given moment: whoever gets it, warns.
UPDATE odoo_check
   SET key_warned_at = %(now)s
 WHERE key_warned_at IS NULL OR key_warned_at <= %(since)s
RETURNING id
