-- Where the pull of each kind stands, and what Odoo no longer has.

-- name: try_lock
SELECT pg_try_advisory_lock(%(lock_space)s, 0)

-- name: wait_for_lock
SELECT pg_advisory_lock(%(lock_space)s, 0)

-- name: read_pulls
SELECT kind, watermark, full_at, passed_over, source, odoo_transaction
  FROM odoo_sync
 WHERE watermark IS NOT NULL

-- name: finish_pull
-- The watermark rises only, but where a full pull starts anew. What another pull passed
-- over in the meantime stays: "asked" is what this one asked for again, "refused" what
-- it passed over itself.
INSERT INTO odoo_sync AS s (kind, watermark, full_at, passed_over, source,
                            odoo_transaction)
VALUES (%(kind)s, %(watermark)s, %(full_at)s, %(refused)s, %(source)s,
        %(odoo_transaction)s)
ON CONFLICT (kind) DO UPDATE
   SET watermark = CASE WHEN %(anew)s THEN excluded.watermark
                        ELSE greatest(s.watermark, excluded.watermark) END,
       full_at = CASE WHEN %(full)s THEN excluded.full_at ELSE s.full_at END,
       passed_over = ARRAY(SELECT unnest(s.passed_over)
                           EXCEPT SELECT unnest(%(asked)s::integer[])
                           UNION SELECT unnest(excluded.passed_over)
                            ORDER BY 1),
       source = excluded.source,
       odoo_transaction = CASE WHEN %(anew)s THEN excluded.odoo_transaction
                               ELSE greatest(s.odoo_transaction,
                                             excluded.odoo_transaction) END

-- name: count_deleted
UPDATE odoo_sync
   SET deleted = (SELECT count(*)
                    FROM odoo_record
                   WHERE kind = %(kind)s AND deleted_in_odoo_at IS NOT NULL)
 WHERE kind = %(kind)s

-- name: find_present
-- Records marked as deleted that are on a page all the same. A page's row that could
-- not be read has no service and name: then its id is enough.
SELECT r.id
  FROM unnest(%(ids)s::integer[], %(services)s::text[], %(names)s::text[])
       AS p (odoo_id, service, name)
  JOIN odoo_record r ON r.kind = %(kind)s AND r.odoo_id = p.odoo_id
                    AND (p.name IS NULL OR (r.service, r.name) = (p.service, p.name))
 WHERE r.deleted_in_odoo_at IS NOT NULL

-- name: find_absent
-- Odoo's ids of records that a page should have and has not: those past the one before
-- it, up to its last. Matched by id and name, as ids may have been dealt anew.
SELECT r.odoo_id
  FROM odoo_record r
 WHERE r.kind = %(kind)s AND r.odoo_id > %(after_id)s AND r.odoo_id <= %(last_id)s
   AND r.deleted_in_odoo_at IS NULL
   AND NOT EXISTS (
       SELECT
         FROM unnest(%(ids)s::integer[], %(services)s::text[], %(names)s::text[])
              AS p (odoo_id, service, name)
        WHERE p.odoo_id = r.odoo_id
          AND (p.name IS NULL OR (r.service, r.name) = (p.service, p.name)))

-- name: find_missing
-- Of the records of these ids, those that Odoo has not shown when it was asked for them.
SELECT r.id, r.service, r.name, r.odoo_id
  FROM odoo_record r
 WHERE r.kind = %(kind)s AND r.odoo_id = ANY (%(absent)s)
   AND r.deleted_in_odoo_at IS NULL
   AND NOT EXISTS (
       SELECT
         FROM unnest(%(ids)s::integer[], %(services)s::text[], %(names)s::text[])
              AS p (odoo_id, service, name)
        WHERE p.odoo_id = r.odoo_id
          AND (p.name IS NULL OR (r.service, r.name) = (p.service, p.name)))
 ORDER BY r.id

-- name: mark_service
UPDATE service SET deleted_in_odoo_at = %(at)s WHERE id = ANY (%(keys)s)

-- name: mark_metric
UPDATE metric SET deleted_in_odoo_at = %(at)s WHERE id = ANY (%(keys)s)

-- name: mark_plan
UPDATE plan SET deleted_in_odoo_at = %(at)s WHERE id = ANY (%(keys)s)

-- name: mark_customer
UPDATE customer SET deleted_in_odoo_at = %(at)s WHERE id = ANY (%(keys)s)

-- name: mark_subscription
UPDATE subscription SET deleted_in_odoo_at = %(at)s WHERE id = ANY (%(keys)s)

-- name: mark_invoice
UPDATE invoice SET deleted_in_odoo_at = %(at)s WHERE id = ANY (%(keys)s)
