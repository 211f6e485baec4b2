-- name: note_event
-- A row when the key is new; one that another transaction notes at once is waited for.
INSERT INTO odoo_event (key, service_id, type, taken_at)
VALUES (%(key)s, %(service_id)s, %(type)s, %(now)s)
ON CONFLICT (key) DO NOTHING
RETURNING key;

-- name: service_of
SELECT id FROM service WHERE code = %(code)s;

-- name: pulled_since
-- Whether services have been pulled from Odoo, well or badly, after that instant.
SELECT EXISTS (SELECT FROM odoo_sync
                WHERE kind = 'service'
                  AND greatest(synced_at, failed_at) > %(moment)s);

-- name: is_deleted
-- A row: the app has deleted the customer.
SELECT FROM customer
 WHERE service_id = %(service_id)s AND external_id = %(external_id)s
   AND deleted_at IS NOT NULL;
