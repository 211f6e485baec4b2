-- name: enqueue_message
-- A message and its deliveries, for each enabled endpoint of the service that wants the
-- type; no message where nobody does. Their rows are locked as the foreign key does it
-- anyway: an app that deletes one waits, or is waited for (see lock_endpoint).
WITH wanted AS (
    SELECT id FROM webhook_endpoint
     WHERE service_id = %(service_id)s AND enabled
       AND (event_types = '{}' OR %(type)s = ANY(event_types))
       FOR KEY SHARE
),
message AS (
    INSERT INTO webhook_message (id, service_id, type, body, created_at)
    SELECT %(id)s, %(service_id)s, %(type)s, %(body)s, %(now)s
     WHERE EXISTS (SELECT FROM wanted)
    RETURNING id
)
INSERT INTO webhook_delivery (message_id, endpoint_id, due_at)
SELECT message.id, wanted.id, %(now)s FROM message CROSS JOIN wanted
