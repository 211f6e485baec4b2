-- Clients by their address. `=ilike` would take _ and % in it for wildcards.

-- name: find_partner
-- The first client with an e-mail address, whatever the case of its letters.
SELECT id
  FROM res_partner
 WHERE lower(email_normalized) = lower(%(address)s)
   AND active
   AND (company_id IS NULL OR company_id = %(company_id)s)
 ORDER BY id
 LIMIT 1;
