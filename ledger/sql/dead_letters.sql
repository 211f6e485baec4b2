-- name: insert_dead_letter
-- The same source again: one row, with the newest reason.
INSERT INTO dead_letter AS d (kind, service_id, source_id, payload, reason, detail,
                              attempts, first_seen, last_seen)
VALUES (%(kind)s, (SELECT id FROM service WHERE id = %(service_id)s), %(source_id)s,
        %(payload)s::json, %(reason)s, %(detail)s, %(attempts)s, %(now)s, %(now)s)
ON CONFLICT (kind, source_id) DO UPDATE
   SET payload = excluded.payload, reason = excluded.reason, detail = excluded.detail,
       attempts = greatest(d.attempts, excluded.attempts), last_seen = excluded.last_seen
