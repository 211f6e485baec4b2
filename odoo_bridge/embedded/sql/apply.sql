-- What apply_catalog runs. Each apply_… answers one row: id and status, which is
-- created, updated or unchanged. A row that another transaction made in the meantime is
-- a serialization error (repeatable read), upon which the whole call is tried again.

-- name: find_service
SELECT id FROM fusion_billing_service WHERE code = %(service)s;

-- name: find_customer
-- The link of an external customer, its client, and how many links the client has.
SELECT l.id, l.partner_id, l.revision, p.x_fc_from_catalog,
       (SELECT count(*)
          FROM fusion_billing_account_link o
         WHERE o.partner_id = l.partner_id) AS links
  FROM fusion_billing_account_link l
  JOIN res_partner p ON p.id = l.partner_id
 WHERE l.service_id = %(service_id)s AND l.external_id = %(external_id)s;

-- name: find_partner
-- The client with an e-mail address, whatever the case of its letters.
SELECT id
  FROM res_partner
 WHERE lower(email_normalized) = lower(%(email_normalized)s) AND active
 ORDER BY id
 LIMIT 1;

-- name: apply_service
WITH done AS (
    INSERT INTO fusion_billing_service AS t
           (code, name, mode, create_uid, create_date, write_uid, write_date)
    VALUES (%(code)s, %(name)s, %(mode)s,
            %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC')
    ON CONFLICT (code) DO UPDATE
       SET name = excluded.name, mode = excluded.mode,
           write_uid = excluded.write_uid, write_date = excluded.write_date
     WHERE (t.name, t.mode) IS DISTINCT FROM (excluded.name, excluded.mode)
    RETURNING id, CASE WHEN xmax = 0 THEN 'created' ELSE 'updated' END AS status
)
SELECT id, status FROM done
UNION ALL
SELECT id, 'unchanged'
  FROM fusion_billing_service
 WHERE code = %(code)s AND NOT EXISTS (SELECT FROM done);

-- name: create_partner
-- The conflict can only be with a client that this snapshot does not see yet.
INSERT INTO res_partner
       (name, email, email_normalized, x_fc_from_catalog, active,
        create_uid, create_date, write_uid, write_date)
VALUES (%(name)s, %(email)s, %(email_normalized)s, true, true,
        %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC')
ON CONFLICT (lower(email_normalized)) WHERE x_fc_from_catalog AND active DO NOTHING
RETURNING id;

-- name: note_customer
-- Which of the app's changes it has.
UPDATE fusion_billing_account_link
   SET revision = %(revision)s,
       write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
 WHERE id = %(id)s;

-- name: find_country
SELECT c.id,
       EXISTS (SELECT FROM res_country_state s WHERE s.country_id = c.id) AS has_states
  FROM res_country c
 WHERE c.code = upper(%(country)s);

-- name: find_state
SELECT id
  FROM res_country_state
 WHERE country_id = %(country_id)s
   AND lower(%(state)s) IN (lower(code), lower(name));

-- name: create_link
-- The conflict can only be with a link that this snapshot does not see yet.
INSERT INTO fusion_billing_account_link
       (service_id, external_id, partner_id, revision,
        create_uid, create_date, write_uid, write_date)
VALUES (%(service_id)s, %(external_id)s, %(partner_id)s, %(revision)s,
        %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC')
ON CONFLICT (service_id, external_id) DO NOTHING
RETURNING id;

-- name: find_subscription
SELECT o.id, o.x_fc_revision, o.partner_id, o.x_fc_account_link_id AS link_id,
       o.x_fc_plan_id AS plan_id, o.x_fc_started_at AS started_at,
       o.x_fc_ended_at AS ended_at, o.x_fc_timezone AS timezone,
       o.x_fc_anchor AS anchor
  FROM sale_order o
 WHERE o.x_fc_service_id = %(service_id)s AND o.x_fc_external_id = %(external_id)s;

-- name: note_subscription
-- Which of the app's changes it has; a new one of a live service is confirmed.
UPDATE sale_order o
   SET x_fc_revision = %(revision)s,
       state = CASE WHEN %(is_new)s AND s.mode = 'live' THEN 'sale' ELSE o.state END,
       write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
  FROM fusion_billing_service s
 WHERE o.id = %(id)s AND s.id = o.x_fc_service_id;

-- name: apply_subscription
WITH done AS (
    INSERT INTO sale_order AS t
           (name, state, partner_id, x_fc_account_link_id, x_fc_service_id,
            x_fc_external_id, x_fc_plan_id, x_fc_started_at, x_fc_ended_at,
            x_fc_timezone, x_fc_anchor,
            create_uid, create_date, write_uid, write_date)
    VALUES ('S' || to_char(nextval('sale_order_name_seq'), 'FM00000'), 'draft',
            %(partner_id)s, %(link_id)s, %(service_id)s, %(external_id)s, %(plan_id)s,
            %(started_at)s, %(ended_at)s, %(timezone)s, %(anchor)s,
            %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC')
    ON CONFLICT (x_fc_service_id, x_fc_external_id) DO UPDATE
       SET partner_id = excluded.partner_id,
           x_fc_account_link_id = excluded.x_fc_account_link_id,
           x_fc_plan_id = excluded.x_fc_plan_id,
           x_fc_started_at = excluded.x_fc_started_at,
           x_fc_ended_at = excluded.x_fc_ended_at,
           x_fc_timezone = excluded.x_fc_timezone, x_fc_anchor = excluded.x_fc_anchor,
           write_uid = excluded.write_uid, write_date = excluded.write_date
     WHERE (t.partner_id, t.x_fc_account_link_id, t.x_fc_plan_id, t.x_fc_started_at,
            t.x_fc_ended_at, t.x_fc_timezone, t.x_fc_anchor) IS DISTINCT FROM
           (excluded.partner_id, excluded.x_fc_account_link_id, excluded.x_fc_plan_id,
            excluded.x_fc_started_at, excluded.x_fc_ended_at, excluded.x_fc_timezone,
            excluded.x_fc_anchor)
    RETURNING id, CASE WHEN xmax = 0 THEN 'created' ELSE 'updated' END AS status
)
SELECT id, status FROM done
UNION ALL
SELECT id, 'unchanged'
  FROM sale_order
 WHERE x_fc_service_id = %(service_id)s AND x_fc_external_id = %(external_id)s
   AND NOT EXISTS (SELECT FROM done);
