-- PDFs of invoices: asked for by apps, fetched by the bridge, kept for a while.

-- name: find_document
-- Of an invoice that is shown (see invoice_reads). A fault is of the last try.
SELECT i.id, i.state = 'draft', i.updated_at,
       coalesce(d.shows = i.updated_at, false), d.fault, d.failed_at
  FROM invoice i
  LEFT JOIN invoice_document d ON d.invoice_id = i.id
 WHERE i.service_id = %(service_id)s AND i.public_id = %(public_id)s
   AND i.move_type = 'out_invoice'
   AND (i.state <> 'cancel' OR i.posted_before)
   AND i.deleted_in_odoo_at IS NULL

-- name: ask_for_document
-- Answers whether it was wanted before.
WITH before AS (
    SELECT wanted FROM invoice_document WHERE invoice_id = %(invoice_id)s
)
INSERT INTO invoice_document AS d (invoice_id, asked_at)
VALUES (%(invoice_id)s, %(now)s)
ON CONFLICT (invoice_id) DO UPDATE
   SET asked_at = excluded.asked_at, wanted = true
RETURNING (SELECT wanted FROM before)

-- name: read_content
-- Only as it was signed for: of that service's, and of that state of the invoice.
SELECT coalesce(i.number, ''), d.content
  FROM invoice i
  JOIN invoice_document d ON d.invoice_id = i.id
 WHERE i.service_id = %(service_id)s AND i.public_id = %(public_id)s
   AND i.updated_at = %(shows)s AND d.shows = i.updated_at
   AND i.deleted_in_odoo_at IS NULL

-- name: claim_document
-- The one that waits longest and that nobody is at.
UPDATE invoice_document AS d
   SET leased_until = %(until)s
  FROM invoice i
  JOIN service s ON s.id = i.service_id
 WHERE i.id = d.invoice_id
   AND d.invoice_id IN (
       SELECT w.invoice_id
         FROM invoice_document w
        WHERE w.wanted AND w.asked_at > %(since)s
          AND (w.leased_until IS NULL OR w.leased_until < %(now)s)
        ORDER BY w.asked_at
        LIMIT 1
          FOR UPDATE SKIP LOCKED)
RETURNING d.invoice_id, s.code, i.service_id, i.public_id, i.move_type, i.odoo_id

-- name: store_document
UPDATE invoice_document
   SET content = %(content)s, shows = %(shows)s, wanted = false, leased_until = NULL,
       fault = NULL, failed_at = NULL
 WHERE invoice_id = %(invoice_id)s

-- name: fail_document
UPDATE invoice_document
   SET wanted = false, leased_until = NULL, fault = %(fault)s, failed_at = %(now)s
 WHERE invoice_id = %(invoice_id)s

-- name: put_back_document
-- Tried again from then on.
UPDATE invoice_document
   SET leased_until = %(until)s
 WHERE invoice_id = %(invoice_id)s

-- name: forget_old
-- Nobody has asked for these for long; whoever does gets a new one.
DELETE FROM invoice_document
 WHERE invoice_id IN (SELECT invoice_id
                        FROM invoice_document
                       WHERE asked_at < %(before)s
                       LIMIT 1000
                         FOR UPDATE SKIP LOCKED)

-- name: forget_all
UPDATE invoice_document
   SET content = NULL, shows = NULL, fault = NULL, failed_at = NULL
