-- What the webhook pump needs besides the outbox.

-- Failures walk down the retry schedule; attempts also count those of a lost worker.
ALTER TABLE webhook_delivery ADD COLUMN failures integer NOT NULL DEFAULT 0;

ALTER TABLE webhook_endpoint
    ADD COLUMN disabled_at     timestamptz,
    ADD COLUMN disabled_reason text;

-- The claim asks each endpoint by itself, so that one endpoint's backlog is not read
-- for another's few. While a delivery is in flight, due_at is the end of its lease.
DROP INDEX webhook_delivery_due;
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, due_at)
    WHERE state = 'pending';
CREATE INDEX webhook_delivery_leased ON webhook_delivery (endpoint_id, lease_until)
    WHERE state = 'pending' AND lease_until IS NOT NULL;
