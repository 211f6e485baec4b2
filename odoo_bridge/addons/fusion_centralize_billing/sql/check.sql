-- name: key_expiry
-- When the user's key that begins so expires; NULL: never. No row: there is no such key.
SELECT expiration_date
  FROM res_users_apikeys
 WHERE user_id = %(user_id)s
   AND index = %(start)s
   AND (scope IS NULL OR scope = 'rpc')
 ORDER BY expiration_date
 LIMIT 1
