-- name: check
-- The caller, whether a key of theirs begins so, when it expires, and what time it is.
SELECT u.login,
       k.id IS NOT NULL AS known,
       k.expiration_date AS expires_at,
       now() AT TIME ZONE 'UTC' AS now
  FROM res_users u
  LEFT JOIN res_users_apikeys k ON k.user_id = u.id AND k.index = %(start)s
 WHERE u.id = %(uid)s
