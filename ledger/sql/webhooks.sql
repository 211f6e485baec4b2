-- name: lead_claims
-- Become the one pump that claims; the session keeps the lock, and loses it with its
-- connection, or when it falls silent.
SELECT set_config('idle_session_timeout', '10s', false), pg_try_advisory_lock(%(key)s)

-- name: claim_deliveries
-- Lease the due deliveries of each enabled endpoint, oldest first, up to its cap and the
-- cap of all. Places go round the endpoints in random order, and an endpoint's first is
-- not held to the cap of all. A due delivery that still has a lease is a lost worker's:
-- its attempt is recorded as worker_lost.
WITH flying AS MATERIALIZED (
    SELECT endpoint_id, count(*) AS deliveries
      FROM webhook_delivery
     WHERE state = 'pending' AND lease_until > %(now)s
     GROUP BY endpoint_id
),
all_flying AS MATERIALIZED (
    SELECT coalesce(sum(deliveries), 0)::int AS deliveries FROM flying
),
wanted AS MATERIALIZED (
    SELECT e.id, coalesce(f.deliveries, 0) + d.place AS place
      FROM webhook_endpoint e
      LEFT JOIN flying f ON f.endpoint_id = e.id
     CROSS JOIN LATERAL (
           SELECT row_number() OVER (ORDER BY due_at) AS place
             FROM webhook_delivery
            WHERE endpoint_id = e.id AND state = 'pending' AND due_at <= %(now)s
            ORDER BY due_at
            LIMIT least(
                      greatest(0, CASE WHEN e.failing_since IS NULL THEN %(per_endpoint)s
                                       ELSE %(while_failing)s
                                  END - coalesce(f.deliveries, 0)),
                      greatest(1, %(in_total)s - (SELECT deliveries FROM all_flying))
                  )
           ) d
     WHERE e.enabled
),
granted AS MATERIALIZED (
    SELECT id, count(*) AS places
      FROM (SELECT id, place, row_number() OVER (ORDER BY place, random()) AS turn
              FROM wanted) w
     WHERE turn + (SELECT deliveries FROM all_flying)
           <= CASE WHEN place = 1 THEN %(first_places)s ELSE %(in_total)s END
     GROUP BY id
),
due AS MATERIALIZED (
    SELECT d.*, e.url, e.secret, e.signature_algo, e.body_style,
           CASE WHEN e.old_secrets_until > %(now)s THEN e.old_secrets END AS old_secrets
      FROM granted g
      JOIN webhook_endpoint e ON e.id = g.id
     CROSS JOIN LATERAL (
           SELECT endpoint_id, message_id, attempts, lease_until
             FROM webhook_delivery
            WHERE endpoint_id = g.id AND state = 'pending' AND due_at <= %(now)s
            ORDER BY due_at
            LIMIT g.places
              FOR UPDATE SKIP LOCKED
           ) d
),
lost AS (
    INSERT INTO webhook_attempt
           (endpoint_id, message_id, attempt, started_at, finished_at, outcome)
    SELECT endpoint_id, message_id, attempts, lease_until - %(lease)s, %(now)s,
           'worker_lost'
      FROM due
     WHERE lease_until IS NOT NULL
        ON CONFLICT DO NOTHING
)
UPDATE webhook_delivery d
   SET attempts    = d.attempts + 1,
       lease_until = %(now)s + %(lease)s,
       due_at      = %(now)s + %(lease)s
  FROM due
  JOIN webhook_message m ON m.id = due.message_id
  JOIN service s ON s.id = m.service_id
 WHERE d.endpoint_id = due.endpoint_id AND d.message_id = due.message_id
RETURNING d.endpoint_id, d.message_id, d.attempts, d.failures, d.lease_until,
          m.service_id, m.type, m.body, m.created_at, due.url, due.secret,
          due.signature_algo, due.body_style, due.old_secrets,
          CASE WHEN due.body_style = 'lago' THEN s.public_id END

-- name: finish_deliveries
-- Record a batch of attempts and what becomes of their deliveries. A result whose lease
-- has passed to another attempt changes nothing. Answers the results that were taken.
WITH result AS MATERIALIZED (
    SELECT *
      FROM unnest(
               %(endpoint_ids)s::uuid[], %(message_ids)s::text[], %(attempts)s::int[],
               %(leases)s::timestamptz[], %(states)s::text[], %(failures)s::int[],
               %(due_ats)s::timestamptz[], %(started_ats)s::timestamptz[],
               %(finished_ats)s::timestamptz[], %(statuses)s::int[],
               %(outcomes)s::text[], %(responses)s::text[], %(service_ids)s::int[],
               %(created_ats)s::timestamptz[], %(payloads)s::jsonb[]
           ) AS r (
               endpoint_id, message_id, attempt, lease_until, state, failures, due_at,
               started_at, finished_at, status, outcome, response, service_id,
               created_at, payload
           )
),
finished AS (
    UPDATE webhook_delivery d
       SET state        = r.state,
           failures     = r.failures,
           due_at       = coalesce(r.due_at, d.due_at),
           lease_until  = NULL,
           delivered_at = CASE WHEN r.state = 'delivered' THEN r.finished_at END
      FROM result r
     WHERE d.endpoint_id = r.endpoint_id AND d.message_id = r.message_id
       AND d.state = 'pending'
       AND d.attempts = r.attempt AND d.lease_until = r.lease_until
    RETURNING r.*
),
logged AS (
    INSERT INTO webhook_attempt
           (endpoint_id, message_id, attempt, started_at, finished_at, status, outcome,
            response)
    SELECT endpoint_id, message_id, attempt, started_at, finished_at, status, outcome,
           response
      FROM finished
),
verdict AS (
    SELECT endpoint_id,
           (array_agg(outcome ORDER BY finished_at DESC))[1] <> 'delivered' AS failing,
           max(finished_at) AS at,
           min(finished_at) FILTER (WHERE outcome = 'gone') AS gone_at
      FROM finished
     GROUP BY endpoint_id
),
told AS (
    UPDATE webhook_endpoint e
       SET failing_since   = CASE WHEN v.failing THEN coalesce(e.failing_since, v.at) END,
           enabled         = e.enabled AND v.gone_at IS NULL,
           disabled_at     = CASE WHEN e.enabled THEN v.gone_at ELSE e.disabled_at END,
           disabled_reason = CASE WHEN NOT e.enabled THEN e.disabled_reason
                                  WHEN v.gone_at IS NOT NULL THEN 'answered 410 Gone'
                             END
      FROM verdict v
     WHERE e.id = v.endpoint_id
       AND (v.failing <> (e.failing_since IS NOT NULL)
            OR e.enabled AND v.gone_at IS NOT NULL)
),
buried AS (
    INSERT INTO dead_letter AS old
           (kind, service_id, source_id, payload, reason, detail, attempts, first_seen,
            last_seen)
    SELECT 'webhook', service_id, endpoint_id || '/' || message_id, payload, outcome,
           concat_ws(': ', 'HTTP ' || status, nullif(response, '')), attempt,
           created_at, finished_at
      FROM finished
     WHERE state = 'dead'
        ON CONFLICT (kind, source_id) DO UPDATE
       SET payload  = excluded.payload,  reason    = excluded.reason,
           detail   = excluded.detail,   attempts  = excluded.attempts,
           last_seen = excluded.last_seen
)
SELECT endpoint_id, message_id FROM finished
