-- Events read back. What came as an event has properties, if only {}: what is pushed
-- without any pays nothing for the index.
CREATE INDEX counter_event ON counter (transaction_id) WHERE properties IS NOT NULL;

-- Counters as an app knows them: those in the books, and those that wait for the catalog.
CREATE VIEW known_event AS
SELECT b.service_id, c.transaction_id, b.external_id AS external_subscription_id,
       m.code, c.occurred_at, c.properties, c.batch_id, b.public_id AS subscription_id,
       k.public_id AS customer_id
  FROM counter c
  JOIN subscription b ON b.id = c.subscription_id
  JOIN customer k ON k.id = b.customer_id
  JOIN metric m ON m.id = c.metric_id
UNION ALL
SELECT p.service_id, p.transaction_id, p.external_subscription_id, p.code,
       'epoch'::timestamptz + p.timestamp_us * interval '1 microsecond', p.properties,
       p.batch_id, b.public_id, k.public_id
  FROM parked_counter p
  LEFT JOIN subscription b ON b.service_id = p.service_id
                          AND b.external_id = p.external_subscription_id
  LEFT JOIN customer k ON k.id = b.customer_id;
