-- Counters that wait too long or were rejected, told once each, at most one event an hour.

-- name: due_reports
-- The services that have something new to report and may. One look into the index for
-- each service, however many counters wait: the first after those that were reported.
-- Of those that were rejected, there is a row for each kind.
SELECT s.id
  FROM service s
  LEFT JOIN parked_report r ON r.service_id = s.id
 WHERE (r.reported_at IS NULL OR r.reported_at <= %(last_before)s)
   AND ((SELECT min(p.parked_at) FROM parked_counter p
          WHERE p.service_id = s.id
            AND p.parked_at > coalesce(r.reported_until, '-infinity')) <= %(until)s
        OR EXISTS (SELECT FROM event_error e WHERE e.service_id = s.id))
 ORDER BY s.id

-- name: insert_report
INSERT INTO parked_report (service_id) VALUES (%(service_id)s) ON CONFLICT DO NOTHING

-- name: claim_report
-- Held to the end of the transaction: who waits for it finds that it is not due.
SELECT s.code
  FROM parked_report r
  JOIN service s ON s.id = r.service_id
 WHERE r.service_id = %(service_id)s AND r.reported_at <= %(last_before)s
   FOR UPDATE OF r

-- name: count_unreported
-- The greatest groups of what has not been reported, each with the sums over all groups.
SELECT external_subscription_id, code, reason, count(*) AS counters,
       sum(count(*)) OVER ()::bigint AS all_counters, count(*) OVER () AS all_groups,
       min(min(parked_at)) OVER () AS oldest_at
  FROM parked_counter
 WHERE service_id = %(service_id)s AND parked_at <= %(until)s
   AND parked_at > (SELECT reported_until FROM parked_report
                     WHERE service_id = %(service_id)s)
 GROUP BY external_subscription_id, code, reason
 ORDER BY counters DESC, external_subscription_id, code, reason
 LIMIT %(limit)s

-- name: first_unreported
SELECT transaction_id, external_subscription_id, code, timestamp_us, reason, batch_id
  FROM parked_counter
 WHERE service_id = %(service_id)s AND parked_at <= %(until)s
   AND parked_at > (SELECT reported_until FROM parked_report
                     WHERE service_id = %(service_id)s)
 ORDER BY parked_at, batch_id, item_index
 LIMIT %(limit)s

-- name: close_report
UPDATE parked_report
   SET reported_at = %(now)s, reported_until = %(until)s
 WHERE service_id = %(service_id)s
