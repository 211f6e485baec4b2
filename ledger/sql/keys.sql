-- name: insert_key
INSERT INTO api_key (prefix, service_id, secret_hash, scopes)
SELECT %(prefix)s, id, %(secret_hash)s, %(scopes)s FROM service WHERE code = %(service)s

-- name: find_key
SELECT k.secret_hash, k.service_id, s.code, k.scopes
  FROM api_key k
  JOIN service s ON s.id = k.service_id
 WHERE k.prefix = %(prefix)s AND k.revoked_at IS NULL

-- name: list_keys
SELECT k.prefix, s.code, k.scopes, k.created_at, k.revoked_at
  FROM api_key k
  JOIN service s ON s.id = k.service_id
 WHERE %(service)s::text IS NULL OR s.code = %(service)s
 ORDER BY k.created_at, k.prefix

-- name: revoke_key
UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE prefix = %(prefix)s
